/** What stands in answers in place of a secret. */
export const redacted = "***REDACTED***"

/** The same names, without the values. */
export const hideValues = (secrets: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.keys(secrets).map((name) => [name, redacted]))

/** A URL without the values of its query. */
export const hideInUrl = (url: string): string => {
  const parsed = new URL(url)
  if (parsed.search === "") return url
  const names = [...new Set(parsed.searchParams.keys())]
  return `${url.slice(0, url.indexOf("?"))}?${names.map((name) => `${encodeURIComponent(name)}=${redacted}`).join("&")}`
}

/** What a client wrote, with the stored value wherever it gave one back as it was shown. */
export const restoreValues = (
  written: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>>
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(written).map(([name, value]) => [name, value === redacted ? (stored[name] ?? value) : value])
  )
