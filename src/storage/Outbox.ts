import type { SqlClient, Statement } from "effect/sql"
import type { DeliveredEvent } from "../domain/WebhookDelivery.ts"

/**
 * The part of a statement that has every webhook of a tenant told of something, if it wants to know: it is in the
 * database if what it tells is, and not otherwise. `told` selects the columns `tenant_id` and `data`, which is JSON.
 */
export const tellWebhooks = (
  sql: SqlClient.SqlClient,
  event: DeliveredEvent,
  told: Statement.Fragment
): Statement.Fragment => sql`
  INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, data)
  SELECT webhooks.tenant_id, webhooks.id, ${event}, told.data
  FROM (${told}) AS told JOIN webhooks ON webhooks.tenant_id = told.tenant_id
  WHERE webhooks.enabled AND ${event} = ANY (webhooks.events)`

/** A moment in the words of the wire. */
const moment = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** What is told of a run that ended: `RunEndedData`. */
const runEnded = `json_build_object('run_id', id, 'session_id', session_id, 'status', status, 'num_turns', num_turns,
  'total_cost_usd', total_cost_usd, 'cost_unknown', cost_unknown, 'error', error,
  'created_at', ${moment("created_at")}, 'ended_at', ${moment("ended_at")})`

/** The same for runs that end in this statement: whole rows of `runs`, under the name of a part of it. */
export const tellRunsEnded = (sql: SqlClient.SqlClient, ended: string): Statement.Fragment =>
  tellWebhooks(sql, "run.ended", sql.literal(`SELECT tenant_id, ${runEnded} AS data FROM ${ended}`))

/** What is told of something that a person is asked: `ApprovalNeededData`. */
const approvalNeeded = `json_build_object('approval_id', id, 'run_id', run_id, 'session_id', session_id, 'kind', kind,
  'tool_name', tool_name, 'created_at', ${moment("created_at")}, 'expires_at', ${moment("expires_at")})`

/** The same for what is asked in this statement: whole rows of `approvals`, under the name of a part of it. */
export const tellApprovalsNeeded = (sql: SqlClient.SqlClient, asked: string): Statement.Fragment =>
  tellWebhooks(sql, "approval.needed", sql.literal(`SELECT tenant_id, ${approvalNeeded} AS data FROM ${asked}`))
