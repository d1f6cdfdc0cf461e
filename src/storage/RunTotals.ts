import type { SqlClient, Statement } from "effect/sql"
import type { RunTotals } from "../domain/Run.ts"
import { json } from "./Parameters.ts"

/** The part of an UPDATE of `runs` that sets what a run has come to. */
export const setTotals = (sql: SqlClient.SqlClient, totals: RunTotals): Statement.Fragment => sql`
  num_turns = ${totals.num_turns},
  total_cost_usd = ${totals.total_cost_usd},
  cost_unknown = ${totals.cost_unknown},
  usage = ${json(totals.usage)},
  model_usage = ${json(totals.model_usage)},
  duration_ms = ${totals.duration_ms}`
