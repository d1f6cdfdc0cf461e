import type { Effect, Stream } from "effect"
import { Context } from "effect"

/**
 * A word between instances that something may be new in the database. It carries no
 * data, and a ring may be missed: who listens looks at the database now and then anyway.
 */
export class Doorbell extends Context.Service<
  Doorbell,
  {
    /** Rings for a name, on every instance. Never fails: a lost ring costs time only. */
    ring(name: string): Effect.Effect<void>
    /** Names that were rung from now on; also one empty name after a lost connection is back, for "look at everything". */
    readonly rings: Stream.Stream<string>
  }
>()("causeway/cache/Doorbell") {}
