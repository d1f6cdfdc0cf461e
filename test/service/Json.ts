/** What stands at a path such as `error.details.issues.0.path`; undefined where the path ends early. */
export const at = (value: unknown, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>(
      (inner, name) =>
        typeof inner === "object" && inner !== null && Object.hasOwn(inner, name)
          ? Object.entries(inner).find(([key]) => key === name)?.[1]
          : undefined,
      value
    )

const wanted = (value: unknown, path: string, kind: string): Error =>
  new Error(`No ${kind} at ${path} of ${JSON.stringify(value)?.slice(0, 2000)}`)

/** The string at a path. */
export const textAt = (value: unknown, path: string): string => {
  const found = at(value, path)
  if (typeof found !== "string") throw wanted(value, path, "string")
  return found
}

/** The number at a path. */
export const numberAt = (value: unknown, path: string): number => {
  const found = at(value, path)
  if (typeof found !== "number") throw wanted(value, path, "number")
  return found
}

/** The list at a path. */
export const listAt = (value: unknown, path: string): ReadonlyArray<unknown> => {
  const found = at(value, path)
  if (!Array.isArray(found)) throw wanted(value, path, "list")
  return found
}
