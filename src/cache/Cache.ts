import type { Duration, Effect, Option } from "effect"
import { Context } from "effect"
import type { RedisUnavailable } from "../domain/errors/StorageErrors.ts"

/** Copies of what the database knows, to answer faster. It is never the only place of anything. */
export class Cache extends Context.Service<
  Cache,
  {
    get(key: string): Effect.Effect<Option.Option<string>, RedisUnavailable>
    /** Keeps a value that was just read from the database, unless the key was invalidated while it was read. */
    fill(key: string, value: string, timeToLive: Duration.Duration): Effect.Effect<void, RedisUnavailable>
    /** Forgets a key, and takes no `fill` of it for as long as a slow reader may still hold the old value. */
    invalidate(key: string): Effect.Effect<void, RedisUnavailable>
    /** Removes a value that turned out to be unreadable. */
    remove(key: string): Effect.Effect<void, RedisUnavailable>
    /** Fails when the cache cannot be reached; what needs it may then not be started. */
    readonly ping: Effect.Effect<void, RedisUnavailable>
    /** Whether it is shared between instances, so that its absence matters. */
    readonly shared: boolean
  }
>()("causeway/cache/Cache") {}
