import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { layer } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import { randomBytes } from "node:crypto"
import * as EmbeddedDatabase from "../../src/storage/EmbeddedDatabase.ts"
import { LeaseConnection } from "../../src/storage/LeaseConnection.ts"
import * as Migrations from "../../src/storage/Migrations.ts"
import * as Repositories from "../../src/storage/Repositories.ts"
import { Sealing } from "../../src/storage/Sealing.ts"
import * as ServerDatabase from "../../src/storage/ServerDatabase.ts"
import { type PostgresServer, startPostgres } from "../launchers/Postgres.ts"
import { embeddedDirectory } from "./EmbeddedDirectory.ts"

const sealing = Sealing.layer(Redacted.make(randomBytes(32).toString("base64")), "/nowhere").pipe(
  Layer.provide([NodeCrypto.layerDigest, SecureRandom.layerWebCrypto])
)

/** All repositories over a database. */
export const repositories = Layer.provide(Repositories.layer, sealing)

export type Stored = Layer.Success<typeof repositories> | SqlClient.SqlClient | LeaseConnection

/** A private PostgreSQL for a file of tests. */
export class Server extends Context.Service<Server, PostgresServer>()("causeway/test/storage/Server") {
  static readonly layer = Layer.effect(
    Server,
    Effect.acquireRelease(
      Effect.promise(() => startPostgres({ fsync: false })),
      (server) => Effect.promise(() => server.stop())
    )
  )
}

const migrated = Layer.provideMerge(repositories, Migrations.layer)

/** Repositories over an empty database of a server. */
export const onServer = (url: string) =>
  migrated.pipe(Layer.provideMerge(ServerDatabase.layer({ url: Redacted.make(url), applicationName: "causeway-test" })))

const freshOnServer = Layer.unwrap(
  Effect.gen(function* () {
    const server = yield* Server
    return onServer(yield* Effect.promise(() => server.createDatabase()))
  })
).pipe(Layer.provide(Server.layer))

/** Repositories over an empty embedded database. */
export const onEmbedded = migrated.pipe(
  Layer.provideMerge(Layer.unwrap(Effect.map(embeddedDirectory, EmbeddedDatabase.layer)))
)

const options = { excludeTestServices: true, timeout: 60_000 }

/** Runs tests on an empty database of a server. */
export const onServerDatabase = (name: string, tests: (it: Vitest.MethodsNonLive<Stored>) => void): void =>
  layer(freshOnServer, options)(`${name}, server`, tests)

/** Runs the same tests on the embedded database and on a server. */
export const onBothDatabases = (name: string, tests: (it: Vitest.MethodsNonLive<Stored>) => void): void => {
  layer(onEmbedded, options)(`${name}, embedded`, tests)
  onServerDatabase(name, tests)
}
