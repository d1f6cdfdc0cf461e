import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { lockDirectory } from "../../src/storage/DirectoryLock.ts"
import * as EmbeddedDatabase from "../../src/storage/EmbeddedDatabase.ts"
import { makeTransaction } from "../../src/storage/Transaction.ts"
import { embeddedDirectory } from "./EmbeddedDirectory.ts"

const lockFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "causeway-lock-"))),
    (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
  ),
  (directory) => join(directory, "data", "database.lock")
)

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.match(effect, { onSuccess: () => "free", onFailure: (failure) => failure._tag })

/** Rewrites a lock as if another process had written it. */
const pretend = (file: string, changes: Record<string, unknown>) =>
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...changes }))

const startHolder = (file: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "LockHolder.ts"), file], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("the lock on the embedded database", () => {
  it.live("is one process's until it is released", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lockDirectory(file)
          const refused = yield* Effect.flip(Effect.scoped(lockDirectory(file)))
          assert.match(refused.message, new RegExp(`in use by process ${process.pid}: stop it, or set DATA_DIR`))
          assert.isFalse(refused.message.includes("\n"))
        })
      )
      assert.isFalse(existsSync(file))
      assert.strictEqual(yield* tagOf(lockDirectory(file)), "free")
      assert.deepStrictEqual(readdirSync(join(file, "..")), ["database.lock"])
    })
  )

  it.live("is free again at once when its holder was killed", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      const holder = yield* startHolder(file)
      const refused = yield* Effect.flip(lockDirectory(file))
      assert.include(refused.message, `process ${holder.pid}`)
      yield* Effect.promise(async () => {
        holder.kill("SIGKILL")
        await once(holder, "exit")
      })
      assert.strictEqual(yield* tagOf(lockDirectory(file)), "free")
    })
  )

  it.live("is not kept by a process that has got the holder's pid", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      yield* lockDirectory(file)
      pretend(file, { token: "other", started: "1" })
      const takers = yield* Effect.all(
        Array.from({ length: 5 }, () => tagOf(lockDirectory(file))),
        {
          concurrency: "unbounded"
        }
      )
      assert.deepStrictEqual(takers.toSorted(), [...Array.from({ length: 4 }, () => "DatabaseInUse"), "free"])
    })
  )

  it.live("of another container, or that says nothing, is kept as long as it is touched", () =>
    Effect.forEach(
      ["", JSON.stringify({ token: "other", pid: 1, started: "1", machine: "another" })],
      Effect.fnUntraced(function* (content) {
        const file = yield* lockFile
        yield* Effect.scoped(lockDirectory(file))
        writeFileSync(file, content)
        let seconds = 1
        const touch = setInterval(() => utimesSync(file, 0, (seconds += 1)), 500)
        assert.strictEqual(yield* tagOf(lockDirectory(file)), "DatabaseInUse")
        clearInterval(touch)
        assert.strictEqual(yield* tagOf(lockDirectory(file)), "free")
      }),
      { concurrency: "unbounded" }
    )
  )

  it.live("names a place that cannot be written", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      yield* lockDirectory(file)
      const refused = yield* Effect.flip(lockDirectory(join(file, "below", "database.lock")))
      assert.strictEqual(refused._tag, "DirectoryUnusable")
      assert.match(refused.message, /cannot be used: /)
    })
  )
})

describe("the embedded database", () => {
  it.live("keeps its rows, serves concurrent statements and leaves no transaction behind", () =>
    Effect.gen(function* () {
      const directory = yield* embeddedDirectory
      const open = <A, E>(use: Effect.Effect<A, E, SqlClient.SqlClient>) =>
        Effect.provide(use, EmbeddedDatabase.layer(directory))

      yield* open(
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const transaction = yield* makeTransaction
          yield* sql`CREATE TABLE item (id int PRIMARY KEY)`
          assert.strictEqual(
            yield* tagOf(Effect.scoped(Layer.build(EmbeddedDatabase.layer(directory)))),
            "DatabaseInUse"
          )

          // Half of forty fail on their own, and only their own rows are gone.
          yield* Effect.forEach(
            Array.from({ length: 40 }, (_, id) => id),
            (id) =>
              transaction(
                Effect.andThen(sql`INSERT INTO item VALUES (${id})`, id % 2 === 0 ? Effect.void : Effect.fail("no"))
              ).pipe(Effect.ignore),
            { concurrency: "unbounded" }
          )
          assert.strictEqual((yield* sql`SELECT id FROM item`).length, 20)

          // One that is given up half-way holds nobody up.
          const inside = yield* Deferred.make<void>()
          yield* transaction(
            Effect.all([sql`INSERT INTO item VALUES (100)`, Deferred.succeed(inside, undefined), Effect.never])
          ).pipe(Effect.raceFirst(Deferred.await(inside)))
          assert.strictEqual((yield* sql`SELECT id FROM item`).length, 20)
          const failure = yield* Effect.flip(sql`INSERT INTO item VALUES (0)`)
          assert.strictEqual(failure.reason._tag, "UniqueViolation")
          yield* sql`INSERT INTO item VALUES (1)`
        })
      )
      const rows = yield* open(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT id FROM item`))
      assert.strictEqual(rows.length, 21)
    })
  )

  it.live("closes without a word, also in the middle of a statement", () =>
    Effect.gen(function* () {
      const directory = yield* embeddedDirectory
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(EmbeddedDatabase.layer(directory), scope)
      const sql = yield* Effect.provide(SqlClient.SqlClient, context)
      yield* Effect.forkDetach(sql`SELECT count(*) FROM generate_series(1, 300000)`, { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(readdirSync(directory), ["database"])
    })
  )
})
