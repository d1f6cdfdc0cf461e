import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, type Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError } from "effect/sql"
import { DatabaseLimits } from "./DatabaseLimits.ts"
import { registerPoolSize } from "./DatabaseMetrics.ts"
import { databaseTypes } from "./DatabaseTypes.ts"
import { LeaseConnection } from "./LeaseConnection.ts"

/** Where the server is and who is calling. */
export interface ServerDatabaseOptions {
  /** `postgres://user:password@host:port/database`, with libpq's parameters. */
  readonly url: Redacted.Redacted
  /** How this instance is called in `pg_stat_activity`. */
  readonly applicationName: string
}

/** One answer of the server may be this long: a transcript's entry can carry images. */
const maxMessageSize = 256 * 1024 * 1024

const configuration = (options: ServerDatabaseOptions) =>
  Effect.map(DatabaseLimits, (limits) => ({
    ...options,
    connectTimeout: limits.connect,
    keepAlive: "10 seconds" as const,
    startupParameters: { statement_timeout: String(limits.statement), timezone: "UTC" },
    types: databaseTypes,
    maxConnections: limits.poolSize,
    maxMessageSize
  }))

/**
 * A PostgreSQL server. Building it does not connect: while the server is away, every call fails
 * with `DbUnavailable`, and the first one after its return succeeds.
 */
export const layer = (
  options: ServerDatabaseOptions
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient | LeaseConnection, SqlError.SqlError> =>
  Layer.merge(
    PgClient.layerFrom(
      configuration(options).pipe(
        Effect.tap(({ maxConnections }) => registerPoolSize(maxConnections)),
        Effect.flatMap(PgClient.make)
      )
    ),
    Layer.effect(
      LeaseConnection,
      Effect.flatMap(configuration(options), (shared) =>
        PgClient.make({
          ...shared,
          applicationName: `${options.applicationName} (leases)`,
          // A second one only while the first is stuck.
          maxConnections: 2
        })
      )
    ).pipe(Layer.provide(Reactivity.layer))
  )
