import { rowsOf } from "../service/Database.ts"

/** What must hold of the log and of the states once no run is going on, each as a query for what breaks it. */
const invariants: Readonly<Record<string, string>> = {
  "no run is left live": `
    SELECT id FROM runs WHERE ended_at IS NULL OR status IN ('queued', 'running', 'waiting')`,
  "no run that is over has an owner's lease": `
    SELECT id FROM runs WHERE ended_at IS NOT NULL AND lease_expires_at > ended_at + interval '3 seconds'`,
  "a session's events are numbered from 1 without a gap, to where the session says": `
    SELECT sessions.id FROM sessions LEFT JOIN run_events ON session_id = sessions.id GROUP BY sessions.id
    HAVING count(seq) <> last_seq OR coalesce(max(seq), 0) <> last_seq OR coalesce(min(seq), 1) <> 1`,
  "a run's events are its own range": `
    SELECT runs.id FROM runs JOIN run_events ON run_id = runs.id GROUP BY runs.id
    HAVING min(seq) <> start_seq + 1 OR max(seq) <> runs.last_seq OR count(*) <> runs.last_seq - start_seq`,
  "a run has one done, and it is last": `
    SELECT runs.id FROM runs LEFT JOIN run_events ON run_id = runs.id GROUP BY runs.id
    HAVING count(*) FILTER (WHERE event = 'done') <> 1 OR max(seq) FILTER (WHERE event = 'done') <> max(seq)`,
  "a run has one result or one fatal error": `
    SELECT runs.id FROM runs LEFT JOIN run_events ON run_id = runs.id GROUP BY runs.id
    HAVING count(*) FILTER (WHERE event = 'result' OR (event = 'error' AND data LIKE '%"fatal":true%')) <> 1`,
  "what done says is what the run says": `
    SELECT runs.id FROM runs JOIN run_events ON run_id = runs.id AND event = 'done'
    WHERE (data::json ->> 'reason') <> CASE status WHEN 'completed' THEN 'completed'
      WHEN 'interrupted' THEN 'interrupted' ELSE 'error' END`,
  "a session's cost is the sum of its runs": `
    SELECT sessions.id FROM sessions JOIN runs ON session_id = sessions.id GROUP BY sessions.id
    HAVING abs(sessions.total_cost_usd - coalesce(sum(runs.total_cost_usd), 0)) > 1e-9`,
  "no session is left active": `
    SELECT id FROM sessions WHERE status = 'active'`
}

/** The invariants that a database breaks, with the rows that do; empty when all is well. */
export const brokenInvariants = async (database: string): Promise<ReadonlyArray<string>> => {
  const checked = await Promise.all(
    Object.entries(invariants).map(async ([name, query]) => {
      const rows = await rowsOf(database, query)
      return rows.length === 0 ? [] : [`${name}: ${rows.map(({ id }) => id).join(", ")}`]
    })
  )
  return checked.flat()
}
