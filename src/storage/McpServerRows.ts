import { type DateTime, Effect, Option, Result, Schema } from "effect"
import { SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { McpServerId, McpSettings } from "../domain/McpServer.ts"
import { Moment } from "../domain/Moment.ts"
import { TenantId } from "../domain/Tenant.ts"
import { Sealing, type SecretPlace } from "./Sealing.ts"

/** What is kept of an MCP server beside what the database gives it. */
export interface McpServerContent {
  readonly settings: McpSettings
  readonly enabled: boolean
  readonly metadata: Readonly<Record<string, Schema.Json>>
}

/** A stored MCP server. Of one whose settings cannot be read any more, the rest can. */
export interface StoredMcpServer extends Omit<McpServerContent, "settings"> {
  readonly id: McpServerId
  readonly name: string
  readonly settings: Result.Result<McpSettings, SecretUnreadable>
  readonly created_at: DateTime.Utc
  readonly updated_at: DateTime.Utc | null
}

/** A row of `mcp_servers`, its settings as they are stored. */
export const McpServerRow = Schema.Struct({
  id: McpServerId,
  tenant_id: TenantId,
  name: Schema.String,
  settings: Schema.String,
  enabled: Schema.Boolean,
  metadata: Schema.Unknown,
  created_at: Moment,
  updated_at: Schema.NullOr(Moment)
})
type McpServerRow = typeof McpServerRow.Type

/** What is selected for such a row, as SQL. */
export const mcpServerColumns = Object.keys(McpServerRow.fields).join(", ")

const metadataOf = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Json))
const SettingsText = Schema.fromJsonString(McpSettings)
const encode = Schema.encodeEffect(SettingsText)
const decode = Schema.decodeUnknownEffect(SettingsText)

const placeOf = (tenant: TenantId, id: McpServerId): SecretPlace => ({ tenant, use: `mcp_server ${id}` })

/** Seals settings for the database, and opens those that come from it. */
export const makeMcpServerRows = Effect.gen(function* () {
  const sealing = yield* Sealing

  const seal = (tenant: TenantId, id: McpServerId, settings: McpSettings) =>
    Effect.flatMap(Effect.orDie(encode(settings)), (text) => sealing.seal(placeOf(tenant, id), text))

  const open = Effect.fnUntraced(function* ({ tenant_id, metadata, settings: sealed, ...rest }: McpServerRow) {
    const place = placeOf(tenant_id, rest.id)
    const settings = yield* Effect.result(
      Effect.flatMap(sealing.open(place, sealed), (text) =>
        Effect.mapError(decode(text), () => new SecretUnreadable({ use: place.use, reason: "undecodable" }))
      )
    )
    const server: StoredMcpServer = { ...rest, metadata: Option.getOrElse(metadataOf(metadata), () => ({})), settings }
    return server
  })

  const openOne = (found: Option.Option<McpServerRow>) =>
    Option.isNone(found) ? Effect.succeedNone : Effect.asSome(open(found.value))

  return { seal, open, openOne }
})
