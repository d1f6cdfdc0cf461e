import { assert, layer } from "@effect/vitest"
import { Array, Duration, Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { ApiKeyRepository } from "../../src/storage/ApiKeyRepository.ts"
import { DatabaseLimits } from "../../src/storage/DatabaseLimits.ts"
import * as Migrations from "../../src/storage/Migrations.ts"
import { RunEventRepository } from "../../src/storage/RunEventRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import * as ServerDatabase from "../../src/storage/ServerDatabase.ts"
import { SessionRepository } from "../../src/storage/SessionRepository.ts"
import { startPostgres } from "../launchers/Postgres.ts"
import { repositories, Server } from "./Databases.ts"
import { forgetfulProxy } from "./ForgetfulProxy.ts"
import { existing, newRun, newSession, newTenant, record, seq, started, thisInstance } from "./Fixtures.ts"

// With fsync: what was committed must be there after a kill.
const durable = Layer.effect(
  Server,
  Effect.acquireRelease(
    Effect.promise(() => startPostgres()),
    (server) => Effect.promise(() => server.stop())
  )
)

const limits = { connect: 600, statement: 1000, call: 1000, renewal: 600, poolSize: 4 }

/** A database of the server, with repositories over `url` or the way there that `through` makes of it. */
const database = (options: { readonly through?: (url: string) => string } = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const server = yield* Server
      const url = yield* Effect.promise(() => server.createDatabase())
      const over = (url: string) => ServerDatabase.layer({ url: Redacted.make(url), applicationName: "test" })
      yield* Migrations.migrate.pipe(Effect.provide(over(url)))
      return Layer.fresh(repositories).pipe(
        Layer.provideMerge(over(options.through?.(url) ?? url)),
        Layer.provide(Layer.succeed(DatabaseLimits, limits))
      )
    })
  )

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.match(effect, { onSuccess: () => "success", onFailure: (failure) => failure._tag })

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([duration, result]) => [Duration.toMillis(duration), result] as const)

/** Keeps a row locked from outside until the scope closes. */
const lockSession = (session: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const outside = yield* sql.reserve
    yield* outside.executeRaw("BEGIN", [])
    yield* Effect.addFinalizer(() => Effect.ignore(outside.executeRaw("ROLLBACK", [])))
    yield* outside.executeRaw("SELECT FROM sessions WHERE id = $1 FOR UPDATE", [session])
  })

layer(durable, { excludeTestServices: true, timeout: 60_000 })("a server", (it) => {
  it.effect("that refuses connections is unavailable, and back without a restart of ours", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const sessions = yield* SessionRepository
      const runs = yield* RunRepository
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      const find = sessions.find(tenant, lease.session_id)
      yield* Effect.promise(() => server.kill())
      for (const call of [
        find,
        runs.start(newRun(tenant, newSession())),
        runs.renew(thisInstance, [lease], 1000),
        sessions.delete(tenant, lease.session_id)
      ]) {
        const [millis, tag] = yield* timed(tagOf<unknown, { readonly _tag: string }, never>(call))
        assert.include(["DbUnavailable", "DbOperational"], tag)
        assert.isBelow(millis, limits.call + 1500)
      }
      assert.strictEqual(yield* tagOf(find), "DbUnavailable")
      yield* Effect.promise(() => server.restart())
      assert.isTrue(Option.isSome(yield* find))
      assert.deepStrictEqual(yield* runs.renew(thisInstance, [lease], 1000), [lease.run_id])
    }).pipe(Effect.provide(database()))
  )

  it.effect("that dies in the middle of a statement fails it", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const sessions = yield* SessionRepository
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      yield* lockSession(lease.session_id)
      const [update] = yield* Effect.all(
        [
          tagOf(sessions.update(tenant, lease.session_id, { title: "new" })),
          Effect.delay(
            Effect.promise(() => server.kill()),
            200
          )
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(update, "DbOperational")
      yield* Effect.promise(() => server.restart())
      assert.isNull(Option.getOrThrow(yield* sessions.find(tenant, lease.session_id)).title)
    }).pipe(Effect.scoped, Effect.provide(database()))
  )

  it.effect("that ends a connection fails what it was doing there and nothing else", () =>
    Effect.gen(function* () {
      const sessions = yield* SessionRepository
      const sql = yield* SqlClient.SqlClient
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      const terminate = sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE '%UPDATE sessions%'`
      yield* lockSession(lease.session_id)
      const [update] = yield* Effect.all(
        [tagOf(sessions.update(tenant, lease.session_id, { title: "new" })), Effect.delay(terminate, 200)],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(update, "DbOperational")
      // An idle connection that is ended is replaced and not missed.
      yield* sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database() AND state = 'idle'`
      yield* Effect.sleep(100)
      const finds = Array.makeBy(8, () => tagOf(sessions.find(tenant, lease.session_id)))
      assert.deepStrictEqual(new Set(yield* Effect.all(finds, { concurrency: "unbounded" })), new Set(["success"]))
    }).pipe(Effect.scoped, Effect.provide(database()))
  )

  it.effect("that is frozen is answered for within the limits, and goes on when it thaws", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const sessions = yield* SessionRepository
      const runs = yield* RunRepository
      const log = yield* RunEventRepository
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      const batch = { lease, records: [record(tenant, lease, 1)] }
      const calls = [
        sessions.find(tenant, lease.session_id),
        runs.start(newRun(tenant, newSession())),
        log.append(thisInstance, [batch]),
        runs.renew(thisInstance, [lease], 60_000),
        sessions.delete(tenant, lease.session_id)
      ].map((call) => timed(tagOf<unknown, { readonly _tag: string }, never>(call)))
      yield* Effect.promise(() => server.freeze())
      const frozen = yield* Effect.all([...calls, ...calls, ...calls], { concurrency: "unbounded" })
      const later = yield* Effect.all(calls, { concurrency: "unbounded" })
      for (const [millis, tag] of [...frozen, ...later]) {
        assert.include(["DbUnavailable", "DbOperational"], tag)
        assert.isBelow(millis, limits.call + 1500)
      }
      yield* Effect.promise(() => server.thaw())
      const recovered = yield* timed(
        Effect.all([log.append(thisInstance, [batch]), runs.renew(thisInstance, [lease], 60_000)]).pipe(
          Effect.retry({ times: 10 })
        )
      )
      assert.deepStrictEqual(recovered[1], [[lease.run_id], [lease.run_id]])
      assert.isBelow(recovered[0], 4000)
      // Whether the frozen appends arrived or not, the event is there once.
      const read = yield* log.read(tenant, lease.session_id, { after: seq(0), limit: 10 })
      assert.deepStrictEqual(read, batch.records)
    }).pipe(Effect.provide(database()))
  )

  it.effect("whose connections were forgotten on the way is reached by new ones", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const proxy = yield* forgetfulProxy(server.port)
      const through = (url: string) => url.replace(`:${server.port}/`, `:${proxy.port}/`)
      yield* Effect.gen(function* () {
        const sessions = yield* SessionRepository
        const runs = yield* RunRepository
        const tenant = yield* newTenant
        const { lease } = yield* started(tenant, newSession())
        const work = [
          ...Array.makeBy(6, () => Effect.suspend(() => runs.start(newRun(tenant, newSession())))),
          ...Array.makeBy(6, () => sessions.find(tenant, lease.session_id)),
          runs.renew(thisInstance, [lease], 60_000)
        ].map((call) => tagOf<unknown, { readonly _tag: string }, never>(call))
        const all = Effect.map(Effect.all(work, { concurrency: "unbounded" }), (tags) => new Set(tags))
        assert.deepStrictEqual(yield* all, new Set(["success"]))
        proxy.forget()
        assert.isFalse((yield* all).has("success"))
        // The driver gives an interrupted statement five seconds, and then the connection up: none is stuck for ever.
        yield* Effect.sleep(6500)
        assert.deepStrictEqual(yield* all, new Set(["success"]))
        assert.isAtMost(proxy.open(), limits.poolSize + 2)
      }).pipe(Effect.provide(database({ through })))
    }).pipe(Effect.scoped)
  )

  it.effect("cannot make a caller wait for a connection for long, nor keep leases from being renewed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const runs = yield* RunRepository
      const sessions = yield* SessionRepository
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      yield* Effect.scoped(
        Effect.gen(function* () {
          for (const _ of Array.range(1, limits.poolSize)) yield* sql.reserve
          assert.strictEqual(yield* tagOf(runs.start(newRun(tenant, newSession()))), "DbUnavailable")
          const [millis, tag] = yield* timed(tagOf(sessions.find(tenant, lease.session_id)))
          assert.strictEqual(tag, "DbOperational")
          assert.isBelow(millis, limits.call + 1500)
          assert.deepStrictEqual(yield* runs.renew(thisInstance, [lease], 60_000), [lease.run_id])
        })
      )
      assert.strictEqual(yield* tagOf(runs.start(newRun(tenant, newSession()))), "success")
    }).pipe(Effect.provide(database()))
  )

  it.effect("that takes too long over a statement is told to stop", () =>
    Effect.gen(function* () {
      const sessions = yield* SessionRepository
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lockSession(lease.session_id)
          const [millis, tag] = yield* timed(tagOf(sessions.update(tenant, lease.session_id, { title: "x" })))
          assert.strictEqual(tag, "DbOperational")
          assert.isBelow(millis, limits.call + 1500)
        })
      )
      assert.strictEqual(yield* tagOf(sessions.update(tenant, lease.session_id, { title: "x" })), "success")
    }).pipe(Effect.provide(database()))
  )

  it.effect("that refuses a statement for its own reason says so, and the connection stays", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const sessions = yield* SessionRepository
      const runs = yield* RunRepository
      const keys = yield* ApiKeyRepository
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      const update = tagOf(sessions.update(tenant, lease.session_id, { title: "x" }))
      const find = tagOf(sessions.find(tenant, lease.session_id))

      const role = `r${Math.random().toString(36).slice(2)}`
      yield* sql`CREATE ROLE ${sql(role)} LOGIN`
      yield* sql`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${sql(role)}`
      const [{ name } = { name: "" }] = yield* sql<{ name: string }>`SELECT current_database() AS name`
      const server = yield* Server
      const url = `postgres://${role}@127.0.0.1:${server.port}/${name}`
      const limited = Layer.fresh(repositories).pipe(
        Layer.provide(ServerDatabase.layer({ url: Redacted.make(url), applicationName: "test" }))
      )
      yield* Effect.gen(function* () {
        const sessions = yield* SessionRepository
        const runs = yield* RunRepository
        assert.strictEqual(yield* tagOf(sessions.update(tenant, lease.session_id, { title: "x" })), "DbRefused")
        assert.strictEqual(yield* tagOf(runs.start(newRun(tenant, newSession()))), "DbRefused")
        assert.strictEqual(yield* tagOf(runs.start(newRun(tenant, existing(lease.session_id)))), "DbRefused")
        assert.strictEqual(yield* tagOf(sessions.find(tenant, lease.session_id)), "success")
      }).pipe(Effect.provide(limited))

      yield* sql`ALTER TABLE sessions RENAME COLUMN title TO heading`
      assert.deepStrictEqual([yield* find, yield* update], ["DbRefused", "DbRefused"])
      yield* sql`ALTER TABLE sessions RENAME COLUMN heading TO title`
      assert.deepStrictEqual([yield* find, yield* update], ["success", "success"])

      // Rows that a newer or broken program wrote.
      yield* sql`UPDATE api_keys SET scopes = '{unheard_of}' WHERE tenant_id = ${tenant}`
      assert.strictEqual(yield* tagOf(keys.list(tenant, null, 10)), "DbRefused")
      yield* sql`UPDATE sessions SET created_at = 'infinity', last_seq = 9007199254740993 WHERE id = ${lease.session_id}`
      assert.strictEqual(yield* find, "DbRefused")
      yield* sql`UPDATE runs SET start_seq = 9007199254740993 WHERE id = ${lease.run_id}`
      assert.strictEqual(yield* tagOf(runs.find(tenant, lease.run_id)), "DbRefused")
    }).pipe(Effect.provide(database()))
  )

  it.effect("that lets nobody in, or lets nobody write, is not blamed on the statement", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const server = yield* Server
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      const [{ name } = { name: "" }] = yield* sql<{ name: string }>`SELECT current_database() AS name`
      const role = `r${Math.random().toString(36).slice(2)}`
      yield* sql`CREATE ROLE ${sql(role)} SUPERUSER LOGIN`
      const as = (user: string, to: string) =>
        Layer.fresh(repositories).pipe(
          Layer.provide(
            ServerDatabase.layer({
              url: Redacted.make(`postgres://${user}@127.0.0.1:${server.port}/${to}`),
              applicationName: "test"
            })
          )
        )
      const find = Effect.flatMap(SessionRepository, (sessions) => tagOf(sessions.find(tenant, lease.session_id)))
      const update = Effect.flatMap(SessionRepository, (sessions) =>
        tagOf(sessions.update(tenant, lease.session_id, { title: "x" }))
      )
      assert.strictEqual(yield* Effect.provide(find, as("nobody", name)), "DbUnavailable")
      assert.strictEqual(yield* Effect.provide(find, as(role, "nowhere")), "DbUnavailable")
      yield* sql`ALTER ROLE ${sql(role)} SET default_transaction_read_only = on`
      assert.strictEqual(yield* Effect.provide(update, as(role, name)), "DbOperational")
      assert.strictEqual(yield* Effect.provide(find, as(role, name)), "success")
      yield* sql`ALTER ROLE ${sql(role)} NOSUPERUSER CONNECTION LIMIT 0`
      assert.strictEqual(yield* Effect.provide(find, as(role, name)), "DbUnavailable")
    }).pipe(Effect.provide(database()))
  )
})
