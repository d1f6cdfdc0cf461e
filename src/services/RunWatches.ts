import { Deferred, Effect, Option, type Scope } from "effect"
import type { RunningAgent } from "../agent/AgentRuntime.ts"
import { RunTimedOut } from "../domain/errors/AgentErrors.ts"
import { Settings } from "../domain/Settings.ts"
import type { RunAssignment } from "./RunAssignment.ts"
import { RunReaders } from "./RunReaders.ts"

/** How long an agent that waits for an answer has to be let go when the service stops, in milliseconds. */
const asideWithin = 300

/** An agent at work, as those see it who may want to stop it. */
export interface WatchedAgent {
  readonly agent: RunningAgent
  /** Completed when readers can read the run: before, the client waits for the head of its answer. */
  readonly readable: Deferred.Deferred<void>
  /** Completed when it is to be let go until what it asks is answered. */
  readonly aside: Deferred.Deferred<string>
  /** Run before it is stopped since its time is over. */
  readonly onOvertime: (failure: RunTimedOut) => void
}

/**
 * Has an agent stop when its time is over, when nobody reads any more, or when the service stops. Answers with what is
 * completed when it is to be left to another instance.
 */
export const watchRun = Effect.fnUntraced(function* (
  order: RunAssignment,
  { agent, aside, onOvertime, readable }: WatchedAgent
): Effect.fn.Return<Deferred.Deferred<void>, never, RunReaders | Scope.Scope | Settings> {
  const { runTimeout } = yield* Settings
  const readers = yield* RunReaders
  const handOver = yield* Deferred.make<void>()
  const { earlier, lease } = order

  const watchTime = Effect.gen(function* () {
    yield* Effect.sleep(Math.max(0, runTimeout - (earlier.duration_ms ?? 0)))
    onOvertime(new RunTimedOut({ limit_ms: runTimeout }))
    yield* agent.interrupt
  })
  const watchReaders = Effect.gen(function* () {
    yield* Deferred.await(readable)
    yield* readers.awaitNone(lease.session_id, lease.run_id)
    yield* agent.interrupt
  })
  const watchStop = Effect.gen(function* () {
    yield* order.stopping
    // An agent that waits for an answer is on its way out already.
    if (Option.isSome(yield* Effect.timeoutOption(Deferred.await(aside), asideWithin))) return
    yield* order.handsOver ? Deferred.succeed(handOver, undefined) : agent.interrupt
  })
  yield* Effect.forkScoped(watchTime)
  yield* Effect.forkScoped(watchStop)
  if (!order.outlivesReaders) yield* Effect.forkScoped(watchReaders)
  return handOver
})
