import { Schema } from "effect"

/**
 * What a tenant calls a thing that it keeps: 1 to 100 letters, digits, `_` and `-`, beginning with a letter or a digit.
 * It stands in paths, prompts and tool calls, so nothing else may be in it. What looks like an id is none, so that a
 * request may name a thing by either.
 */
export const ResourceName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, {
    message: "must be 1 to 100 letters, digits, _ and -, beginning with a letter or a digit"
  }),
  Schema.isPattern(/^(?![0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$)/i, { message: "must not look like an id" })
)

/** How a request names a thing of its tenant: by its id or by its name. */
export const ResourceReference = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, { message: "must be an id or a name" })
)
