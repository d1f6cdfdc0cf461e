import { Context, Effect, Layer, Option } from "effect"
import { makeMcpServerRows, mcpServerColumns, McpServerRow, type StoredMcpServer } from "./McpServerRows.ts"
import { makeShareRecords, type ShareRecords } from "./ShareRecords.ts"

/** Shares of MCP servers in PostgreSQL. Servers are named by their names. */
export class McpShareRepository extends Context.Service<McpShareRepository, ShareRecords<StoredMcpServer>>()(
  "causeway/storage/McpShareRepository"
) {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    McpShareRepository,
    Effect.gen(function* () {
      const { open } = yield* makeMcpServerRows
      const records = yield* makeShareRecords({
        repository: "McpShareRepository",
        table: "mcp_shares",
        reference: "server_id",
        subjects: { table: "mcp_servers", key: "name", columns: mcpServerColumns, schema: McpServerRow }
      })
      return McpShareRepository.of({
        ...records,
        find: Effect.fn("McpShareRepository.findOpened")(function* (token) {
          const found = yield* records.find(token)
          if (Option.isNone(found)) return Option.none()
          const { share, subject } = found.value
          return Option.some({ subject: yield* open(subject), share })
        })
      })
    })
  )
}
