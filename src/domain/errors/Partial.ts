import { Schema } from "effect"

/** The field of a failure that ends a run: what the agent had done and spent until then. */
export const soFar = { result: Schema.optionalKey(Schema.Json) } as const
