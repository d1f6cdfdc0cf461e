import { PgConnection } from "@effect/sql-pg"
import { Context, Deferred, Effect, Layer, Schedule, Schema } from "effect"
import { makeExecute } from "./DatabaseCalls.ts"
import { DatabaseLimits } from "./DatabaseLimits.ts"
import type { ServerDatabaseOptions } from "./ServerDatabase.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"

/** Another instance works on this database, and without Redis there can be one only. */
export class AnotherInstance extends Schema.TaggedError<AnotherInstance>()("AnotherInstance", {
  /** The other one's connection, as `pg_stat_activity` lists it. */
  backend_pid: Schema.NullOr(Schema.Int)
}) {
  override get message() {
    return "Another instance already uses this database: set REDIS_URL for all of them to run several, or stop it."
  }
}

// Two numbers that are unlikely to be anybody else's: "caus" and one.
const key = "1667331443, 1"
const tryLock = `SELECT pg_try_advisory_lock(${key}) AS held`
const findHolder = `
  SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
  WHERE locktype = 'advisory' AND (classid, objid, objsubid) = (1667331443, 1, 2) AND granted
    AND datname = current_database()`

// A server notices within half a minute that the machine of a holder is gone, not in two hours.
const keepAlives = { tcp_keepalives_idle: "10", tcp_keepalives_interval: "5", tcp_keepalives_count: "4" }

/** A predecessor that was killed a moment ago may still be listed. */
const patience = 3000
const interval = 500

/**
 * Keeps a second instance off a database, by an advisory lock on a connection of its own.
 *
 * When that connection is lost, the instance goes on: leases keep its runs safe, whoever else writes. It takes the
 * lock again as soon as it can connect. If another instance took it meanwhile, that one stays and this one has to stop:
 * two instances without Redis do not hear of each other's interrupts, limits and changes.
 */
export class SingleInstanceLock extends Context.Service<
  SingleInstanceLock,
  {
    /** Succeeds when another instance has taken the lock; never otherwise. */
    readonly lost: Effect.Effect<AnotherInstance>
  }
>()("causeway/storage/SingleInstanceLock") {
  /** Fails at once when another instance has the database. */
  static readonly layer = (
    options: ServerDatabaseOptions
  ): Layer.Layer<SingleInstanceLock, AnotherInstance | DatabaseFailure> =>
    Layer.effect(
      SingleInstanceLock,
      Effect.gen(function* () {
        const limits = yield* DatabaseLimits
        const execute = yield* makeExecute
        const held = yield* Deferred.make<void, AnotherInstance | DatabaseFailure>()
        const lost = yield* Deferred.make<AnotherInstance>()
        /** Connections that were given up here, while the server may still take them for alive. */
        const abandoned = new Set<number>()

        const connect = PgConnection.make({
          ...options,
          applicationName: `${options.applicationName} (lock)`,
          connectTimeout: limits.connect,
          startupParameters: keepAlives
        })

        const query = (connection: PgConnection.PgConnection, text: string) =>
          execute("SingleInstanceLock", connection.query(text, [], false), limits.connect)

        const claim = Effect.fnUntraced(function* (connection: PgConnection.PgConnection) {
          const { rows } = yield* query(connection, tryLock)
          if (rows[0]?.["held"] === true) return
          const holder = (yield* query(connection, findHolder)).rows[0]?.["pid"]
          const pid = typeof holder === "number" ? holder : null
          if (pid !== null && abandoned.has(pid)) yield* query(connection, `SELECT pg_terminate_backend(${pid})`)
          return yield* new AnotherInstance({ backend_pid: pid })
        })

        /** Holds the lock until the connection is lost. */
        const hold = Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* execute("SingleInstanceLock", connect)
            yield* claim(connection).pipe(
              Effect.retry({
                while: (failure) => failure._tag === "AnotherInstance",
                schedule: Schedule.spaced(interval),
                times: patience / interval
              })
            )
            yield* Deferred.succeed(held, undefined)
            yield* query(connection, "SELECT 1").pipe(Effect.repeat(Schedule.spaced(1000)), Effect.ignore)
            abandoned.add(connection.processId)
            yield* Effect.logWarning("Lost the connection that keeps a second instance off the database")
          })
        )

        yield* hold.pipe(
          Effect.tapError((failure) => Deferred.fail(held, failure)),
          Effect.retry({ while: (failure) => failure._tag !== "AnotherInstance", schedule: Schedule.spaced(interval) }),
          Effect.forever,
          Effect.catch((failure) =>
            failure._tag === "AnotherInstance" ? Deferred.succeed(lost, failure) : Effect.void
          ),
          Effect.forkScoped
        )
        yield* Deferred.await(held)
        return SingleInstanceLock.of({ lost: Deferred.await(lost) })
      })
    )
}
