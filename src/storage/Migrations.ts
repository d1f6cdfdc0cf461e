import { Effect, Layer, Schema } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { translate } from "./DatabaseFailures.ts"
import foundation from "./migrations/0001_foundation.ts"
import retention from "./migrations/0002_retention.ts"
import runOrders from "./migrations/0003_run_orders.ts"
import memories from "./migrations/0004_memories.ts"
import toolPresets from "./migrations/0005_tool_presets.ts"
import websocketTickets from "./migrations/0006_websocket_tickets.ts"
import workspaceVolumes from "./migrations/0007_workspace_volumes.ts"
import projects from "./migrations/0008_projects.ts"
import budgets from "./migrations/0009_budgets.ts"
import memoryEmbeddings from "./migrations/0010_memory_embeddings.ts"
import mcpServers from "./migrations/0011_mcp_servers.ts"
import skillsAndCommands from "./migrations/0012_skills_and_commands.ts"
import agents from "./migrations/0013_agents.ts"
import checkpoints from "./migrations/0014_checkpoints.ts"
import runChanges from "./migrations/0015_run_changes.ts"
import queuedRuns from "./migrations/0016_queued_runs.ts"
import oldControls from "./migrations/0017_old_controls.ts"
import webhooks from "./migrations/0018_webhooks.ts"
import shareIds from "./migrations/0019_share_ids.ts"
import approvals from "./migrations/0020_approvals.ts"
import webhookDeliveries from "./migrations/0021_webhook_deliveries.ts"
import runTotals from "./migrations/0022_run_totals.ts"
import sessionRules from "./migrations/0023_session_rules.ts"

/** Every migration, oldest first. They are never changed once released: the next change is the next number. */
const migrations = {
  "0001_foundation": foundation,
  "0002_retention": retention,
  "0003_run_orders": runOrders,
  "0004_memories": memories,
  "0005_tool_presets": toolPresets,
  "0006_websocket_tickets": websocketTickets,
  "0007_workspace_volumes": workspaceVolumes,
  "0008_projects": projects,
  "0009_budgets": budgets,
  "0010_memory_embeddings": memoryEmbeddings,
  "0011_mcp_servers": mcpServers,
  "0012_skills_and_commands": skillsAndCommands,
  "0013_agents": agents,
  "0014_checkpoints": checkpoints,
  "0015_run_changes": runChanges,
  "0016_queued_runs": queuedRuns,
  "0017_old_controls": oldControls,
  "0018_webhooks": webhooks,
  "0019_share_ids": shareIds,
  "0020_approvals": approvals,
  "0021_webhook_deliveries": webhookDeliveries,
  "0022_run_totals": runTotals,
  "0023_session_rules": sessionRules
}

const table = "schema_migrations"
const newest = Object.keys(migrations).length

/** The database was changed by a newer Causeway, which this one does not know. */
export class DatabaseTooNew extends Schema.TaggedError<DatabaseTooNew>()("DatabaseTooNew", {
  found: Schema.Int,
  known: Schema.Int
}) {
  override get message() {
    return `The database has version ${this.found} and this Causeway knows ${this.known}: start a newer one.`
  }
}

/** The database could not be brought up to date; it is as it was. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  cause: Schema.Defect()
}) {
  override get message() {
    return "The database could not be brought up to date; it is as it was."
  }
}

const foundVersion = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [exists] = yield* sql<{ found: boolean }>`SELECT to_regclass(${table}) IS NOT NULL AS found`
  if (exists?.found !== true) return 0
  const [latest] = yield* sql<{ version: number }>`
    SELECT coalesce(max(migration_id), 0) AS version FROM ${sql(table)}`
  return latest?.version ?? 0
})

/**
 * Brings the database up to date, all or nothing. Instances that start at once take turns, and a change may take
 * longer than other statements.
 */
export const migrate = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SET LOCAL statement_timeout = 0`
      yield* sql`SELECT pg_advisory_xact_lock(hashtext('causeway'), hashtext('migrations'))::text`
      const found = yield* foundVersion
      if (found > newest) return yield* new DatabaseTooNew({ found, known: newest })
      yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations), table })
    })
  )
}).pipe(
  Effect.catchTag("MigrationError", (cause) => Effect.fail(new MigrationFailed({ cause }))),
  Effect.mapError(translate("Migrations.migrate")),
  Effect.withSpan("Migrations.migrate")
)

/** The database is up to date once this is built. */
export const layer: Layer.Layer<never, DatabaseTooNew | MigrationFailed | DatabaseFailure, SqlClient.SqlClient> =
  Layer.effectDiscard(migrate)
