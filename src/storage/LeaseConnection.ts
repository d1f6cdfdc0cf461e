import { Context, Layer } from "effect"
import { SqlClient } from "effect/sql"

/**
 * A way to the database for the renewal of leases, which the traffic of runs cannot starve. The embedded
 * database has one connection for everything.
 */
export class LeaseConnection extends Context.Service<LeaseConnection, SqlClient.SqlClient>()(
  "causeway/storage/LeaseConnection"
) {
  /** Renewals go the way of all statements. */
  static readonly layerShared = Layer.effect(LeaseConnection, SqlClient.SqlClient)
}
