import { Context, Deferred, Effect, Layer, Predicate, Redacted, Schedule, type Scope } from "effect"
import type { Redis, RedisOptions } from "ioredis"
import { RedisUnavailable } from "../domain/errors/StorageErrors.ts"
import { RedisOutage } from "./RedisOutage.ts"

const limitMillis = 1000

const options = {
  connectionName: "causeway",
  commandTimeout: limitMillis,
  connectTimeout: limitMillis,
  // A connection on which nothing answers is given up: otherwise each command would wait its whole limit, and
  // a network that swallows packets would be noticed, and its return too, after minutes.
  socketTimeout: limitMillis,
  disconnectTimeout: 100,
  // A command whose caller was told that it failed is not sent later: by then it could undo what came after it.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // It forgets channels whose subscription was not yet answered: `prepare` subscribes.
  autoResubscribe: false,
  maxLoadingRetryTime: 200,
  retryStrategy: (attempts: number) => Math.min(50 * 2 ** (attempts - 1), 500) + Math.random() * 100,
  // After a failover the old primary answers, as a replica, that it may not write.
  reconnectOnError: (error: Error) => error.message.startsWith("READONLY")
} satisfies RedisOptions

const heartbeat = "1 second"

/** Why a command failed. A stack would be that of this file, so there is none. */
const failure = (reason: string): Error => Object.assign(new Error(reason), { stack: reason })

const describe = (cause: unknown): string => {
  if (!Predicate.isError(cause)) return String(cause)
  // Node's error for a name with several addresses has a code only.
  return cause.message || String(Predicate.hasProperty(cause, "code") ? cause.code : cause.name)
}

/** A connection of its own, and what to do whenever it stands again. */
export interface OpenOptions {
  readonly name: string
  readonly prepare: (redis: Redis) => Promise<unknown>
}

/** A Redis server, over connections that fail fast and come back by themselves. */
export class RedisConnection extends Context.Service<
  RedisConnection,
  {
    /** Runs a command on the shared connection. It succeeds or fails within a second. */
    run<A>(operation: string, command: (redis: Redis) => Promise<A>): Effect.Effect<A, RedisUnavailable>
    /** Opens one more connection. Waits for it for a moment; goes on without it when Redis is away. */
    open(options: OpenOptions): Effect.Effect<void, never, Scope.Scope>
  }
>()("causeway/cache/RedisConnection") {
  /** Connects to the server of a URL. It may be away: then operations fail until it is there. */
  static readonly layer = (url: Redacted.Redacted<string>): Layer.Layer<RedisConnection> =>
    Layer.effect(
      RedisConnection,
      Effect.gen(function* () {
        const { Redis } = yield* Effect.promise(() => import("ioredis"))
        const runFork = Effect.runForkWith(yield* Effect.context())
        const outage = new RedisOutage(runFork)

        const connect = Effect.fn("RedisConnection.connect")(function* ({ name, prepare }: OpenOptions) {
          let lostBecause: string | undefined
          const attempted = yield* Deferred.make<void>()
          const settle = () => Deferred.doneUnsafe(attempted, Effect.void)

          const open = () => {
            const redis = new Redis(Redacted.value(url), options)
            redis.on("error", (cause) => {
              lostBecause = describe(cause)
            })
            redis.on("close", () => {
              lostBecause ??= "the connection was closed"
              outage.lost(name, lostBecause)
              settle()
            })
            const stand = async () => {
              try {
                await prepare(redis)
              } catch {
                // "close" follows, with a new attempt.
                redis.disconnect(true)
                return
              }
              lostBecause = undefined
              outage.back(name)
              settle()
            }
            redis.on("ready", () => void stand())
            return redis
          }
          const close = (redis: Redis) => {
            redis.removeAllListeners("close").removeAllListeners("ready")
            redis.disconnect()
          }
          const redis = yield* Effect.acquireRelease(Effect.sync(open), (redis) => Effect.sync(() => close(redis)))

          // Who only listens would never notice that nothing comes any more.
          yield* Effect.tryPromise(() => redis.ping()).pipe(
            Effect.ignore,
            Effect.repeat(Schedule.spaced(heartbeat)),
            Effect.delay(heartbeat),
            Effect.forkScoped
          )
          yield* Deferred.await(attempted)

          const run = <A>(operation: string, command: (redis: Redis) => Promise<A>) =>
            Effect.tryPromise({
              try: () => command(redis),
              // The foreign error holds the command's arguments, at worst the password: only its words are kept.
              // While the connection is away they say no more than that: why it is away says more.
              catch: (cause) => new RedisUnavailable({ operation, cause: failure(lostBecause ?? describe(cause)) })
            })
          return { run }
        })

        const { run } = yield* connect({ name: "commands", prepare: () => Promise.resolve() })
        return RedisConnection.of({ run, open: (options) => Effect.asVoid(connect(options)) })
      })
    )
}
