import type { PGlite } from "@electric-sql/pglite"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { chmod, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { registerPoolSize } from "./DatabaseMetrics.ts"
import { databaseTypes } from "./DatabaseTypes.ts"
import { type DatabaseInUse, DirectoryUnusable, lockDirectory } from "./DirectoryLock.ts"
import { LeaseConnection } from "./LeaseConnection.ts"
import { PgliteConnection } from "./PgliteConnection.ts"

type Database = PgClient.PgClient | SqlClient.SqlClient | LeaseConnection

// PGlite makes its files readable and writable for everybody: the directory is what keeps others out.
const keepPrivate = async (directory: string) => {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
}

// Loaded when it is used: an installation with a server saves 300 MB.
const open = (directory: string, dataDir: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        if (!dataDir.startsWith("memory:")) await keepPrivate(dataDir)
        const [{ PGlite }, { pg_trgm }] = await Promise.all([
          import("@electric-sql/pglite"),
          import("@electric-sql/pglite/contrib/pg_trgm")
        ])
        return PGlite.create({ dataDir, extensions: { pg_trgm } })
      },
      catch: (cause) => new DirectoryUnusable({ directory, cause })
    }),
    (database: PGlite) =>
      Effect.ignore(
        Effect.tryPromise(() => database.close()),
        { log: "Warn" }
      )
  )

const clientOf = (database: PGlite): Layer.Layer<Database, SqlError.SqlError> =>
  LeaseConnection.layerShared.pipe(
    Layer.provideMerge(
      PgClient.layer({
        stream: () => new PgliteConnection(database),
        username: "postgres",
        database: "postgres",
        types: databaseTypes,
        // PGlite is one session.
        maxConnections: 1,
        idleTimeout: "Infinity",
        maxMessageSize: 256 * 1024 * 1024
      })
    )
  )

/**
 * PostgreSQL inside this process, with its files in a directory that no other process may use meanwhile.
 * It survives a crash of the process, not of the machine: PGlite does not wait for the disk.
 */
export const layer = (
  directory: string
): Layer.Layer<Database, DatabaseInUse | DirectoryUnusable | SqlError.SqlError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      yield* registerPoolSize(1)
      yield* lockDirectory(join(directory, "database.lock"))
      return clientOf(yield* open(directory, join(directory, "database")))
    })
  )

/** The same without files, for tests. */
export const layerMemory: Layer.Layer<Database, DirectoryUnusable | SqlError.SqlError> = Layer.unwrap(
  Effect.map(open("memory", "memory://"), clientOf)
)
