import { Schema } from "effect"
import { Moment } from "./Moment.ts"
import { spoken } from "./Spoken.ts"
import { ResourceName } from "./ResourceName.ts"

/** What a skill or a slash command is made of. */
export const keptTextContentFields = {
  name: ResourceName,
  /** What it is for, and when. */
  description: spoken(1000),
  content: spoken(50_000),
  /** Whether agents get it; yes when absent. */
  enabled: Schema.optionalKey(Schema.Boolean)
} as const

/** What a client says of a skill or a slash command. */
export const KeptTextContent = Schema.Struct(keptTextContentFields)
export type KeptTextContent = typeof KeptTextContent.Type

/** Where a text is kept: by Causeway, or in a file of a workspace, where it is not Causeway's to change. */
export const TextSource = Schema.Literals(["database", "filesystem"])
export type TextSource = typeof TextSource.Type

/** How the id of a text begins that is in a file; its name follows. */
export const fileIdPrefix = "fs:"

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const fileId = /^fs:[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/

/** The id of a text: a UUID, or `fs:` and the name of one that is in a file. */
export const KeptTextId = Schema.String.check(
  Schema.makeFilter((id: string) => uuid.test(id) || fileId.test(id), { message: "Expected a UUID or fs:NAME" })
)

/** How a request names a text: by its id or its name. */
export const KeptTextReference = Schema.String.check(
  Schema.isPattern(/^(fs:)?[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, { message: "must be an id or a name" })
)

/** What clients see of a skill or a slash command, beside its id. */
export const keptTextFields = {
  name: Schema.String,
  description: Schema.String,
  content: Schema.String,
  enabled: Schema.Boolean,
  source: TextSource,
  /** Null for a file. */
  created_at: Schema.NullOr(Moment),
  updated_at: Schema.NullOr(Moment)
} as const
