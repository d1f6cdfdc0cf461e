/** What stands in answers in place of a secret. */
export const redacted = "***REDACTED***"

/** The same names, without the values. */
export const hideValues = (secrets: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.keys(secrets).map((name) => [name, redacted]))

/** A URL without the values of its query, and without its fragment. */
export const hideInUrl = (url: string): string => {
  const { hash, search, searchParams } = new URL(url)
  if (search === "" && hash === "") return url
  const names = [...new Set(searchParams.keys())].map((name) => `${encodeURIComponent(name)}=${redacted}`)
  const [place = ""] = url.split(/[?#]/, 1)
  return `${place}${search === "" ? "" : `?${names.join("&")}`}${hash === "" ? "" : `#${redacted}`}`
}

/** What a client wrote, with the stored value wherever it gave one back as it was shown. */
export const restoreValues = (
  written: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>>
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(written).map(([name, value]) => [name, value === redacted ? (stored[name] ?? value) : value])
  )

/** Whether an address is at another origin than before: secrets that were meant for the one are not the other's. */
export const isElsewhere = (before: string, after: string): boolean => new URL(before).origin !== new URL(after).origin
