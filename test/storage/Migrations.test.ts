import { readdirSync } from "node:fs"
import { assert, layer } from "@effect/vitest"
import { Array, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as Migrations from "../../src/storage/Migrations.ts"
import * as ServerDatabase from "../../src/storage/ServerDatabase.ts"
import { AnotherInstance, SingleInstanceLock } from "../../src/storage/SingleInstanceLock.ts"
import { Server } from "./Databases.ts"
import { forgetfulProxy } from "./ForgetfulProxy.ts"

const options = (url: string, name = "test") => ({ url: Redacted.make(url), applicationName: name })

const changes = new URL("../../src/storage/migrations", import.meta.url)

const newDatabase = Effect.gen(function* () {
  const server = yield* Server
  return yield* Effect.promise(() => server.createDatabase())
})

const onDatabase = (url: string) => Effect.provide(Layer.fresh(ServerDatabase.layer(options(url))))

layer(Server.layer, { excludeTestServices: true, timeout: 60_000 })("a server's database", (it) => {
  it.effect("is brought up to date once by instances that start together", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      yield* Effect.all(
        Array.makeBy(5, () => Migrations.migrate.pipe(onDatabase(url))),
        { concurrency: "unbounded" }
      )
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        assert.strictEqual((yield* sql`SELECT * FROM schema_migrations`).length, readdirSync(changes).length)
        assert.strictEqual((yield* sql`SELECT * FROM sessions`).length, 0)
        // The limits of other statements are not those of a migration, and are back after it.
        const [timeout] = yield* sql`SHOW statement_timeout`
        assert.deepStrictEqual(timeout, { statement_timeout: "5s" })
      }).pipe(onDatabase(url))
    })
  )

  it.effect("of a newer version is refused in one line", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* Migrations.migrate
        yield* sql`INSERT INTO schema_migrations (migration_id, name) VALUES (900, 'later')`
        const refused = yield* Effect.flip(Migrations.migrate)
        assert.strictEqual(refused._tag, "DatabaseTooNew")
        assert.match(refused.message, /^The database has version 900 and this Causeway knows \d+: start a newer one\.$/)
      }).pipe(onDatabase(url))
    })
  )

  it.effect("stays as it was when a change fails", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE run_controls (id int)`
        const failed = yield* Effect.flip(Migrations.migrate)
        assert.strictEqual(failed._tag, "MigrationFailed")
        const tables = yield* sql`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
        assert.deepStrictEqual(tables, [{ tablename: "run_controls" }])
        yield* sql`DROP TABLE run_controls`
        yield* Migrations.migrate
      }).pipe(onDatabase(url))
    })
  )

  it.effect("is one instance's at a time, without Redis", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const build = (url: string) => Layer.build(Layer.fresh(SingleInstanceLock.layer(options(url))))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* build(url)
          const refused = yield* Effect.flip(Effect.scoped(build(url)))
          assert.instanceOf(refused, AnotherInstance)
          assert.match(refused.message, /set REDIS_URL/)
        })
      )
      yield* Effect.scoped(build(url))
    })
  )

  it.effect("is taken again by its instance when the connection was lost, unless another was faster", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const url = yield* newDatabase
      const proxy = yield* forgetfulProxy(server.port)
      const lock = SingleInstanceLock.layer(options(url.replace(`:${server.port}/`, `:${proxy.port}/`), "first"))
      yield* Effect.gen(function* () {
        const { lost } = yield* SingleInstanceLock
        const sql = yield* SqlClient.SqlClient
        const holders = Effect.map(
          sql<{ pid: number }>`SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2`,
          (rows) => rows.map(({ pid }) => pid)
        )
        const [first] = yield* holders
        // The server still has the old connection and its lock; it is ours to end.
        proxy.forget()
        yield* Effect.sleep(6000)
        const [second] = yield* holders
        assert.isNumber(second)
        assert.notStrictEqual(second, first)

        yield* Effect.gen(function* () {
          const outside = yield* sql.reserve
          yield* Effect.forkScoped(
            Effect.repeat(outside.executeRaw("SELECT pg_advisory_lock(1667331443, 1)::text", []), { times: 0 })
          )
          yield* Effect.sleep(200)
          yield* sql`SELECT pg_terminate_backend(${second})`
          const other = yield* lost
          assert.isNumber(other.backend_pid)
        })
      }).pipe(Effect.provide(lock), Effect.scoped, onDatabase(url))
    }).pipe(Effect.scoped)
  )
})
