import { Schema } from "effect"

/** A model id or alias. */
export const ModelName = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]{0,199}$/))
