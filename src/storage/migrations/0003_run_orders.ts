import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What an instance must know to carry a run that it never saw the request of. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Only of runs that are not over: prompts and environments are the client's, and of no use any more after that.
  yield* sql`
    CREATE TABLE run_orders (
      run_id uuid PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
      tenant_id uuid NOT NULL,
      sealed text NOT NULL
    )`
})
