import { Context, Deferred, Effect, Exit, FiberSet, Layer, Scope } from "effect"
import type { Duration } from "effect"
import { Doorbell } from "../cache/Doorbell.ts"
import type { Approval } from "../domain/Approval.ts"
import type { Run } from "../domain/Run.ts"
import { makeAgentTurns, type OrderedRun, type Segment } from "./AgentTurns.ts"
import type { FailureFields } from "./FailureReport.ts"
import { type BeginFailure, type ExecutionServices, executeRun } from "./RunExecution.ts"
import type { EndOfStart } from "./StartTurns.ts"

/** Rung when a queued run may be able to begin. */
export const queueBell = "queue"

/** A run that this instance holds and is to carry. */
export interface CarriedRun extends OrderedRun {
  readonly run: Run
  /** For log lines about the run. */
  readonly fields: FailureFields
}

/** How a run is to be carried. */
export interface Carrying {
  readonly segment: Segment
  /** What was asked and has been answered since the segment before ended. */
  readonly answered: Approval | null
  /** Its place on this instance, closed when it is over here. */
  readonly place: Scope.Closeable
  /** Waits until its agent may start; what it answers with lets the next one. */
  readonly startTurn: Effect.Effect<EndOfStart>
  /** Whether nobody waits for it to begin: what goes wrong is then in the run alone. */
  readonly background: boolean
}

/** The runs that this instance carries. They belong to the service, not to the requests that started them. */
export class Executions extends Context.Service<
  Executions,
  {
    /** Has a fiber of the service's own carry a run. What it answers with is done when the agent has said `init`. */
    carry(run: CarriedRun, how: Carrying): Effect.Effect<Effect.Effect<void, BeginFailure>>
    /** Done when no run is left here. */
    readonly none: Effect.Effect<void>
    /** Has agents let go that wait for an answer, now and from now on: they need no instance meanwhile. */
    readonly suspend: Effect.Effect<void>
    /** Has all runs end now, or be handed over, and waits for it as long as that. */
    stop(patience: Duration.Input): Effect.Effect<void>
  }
>()("causeway/services/Executions") {
  static readonly layer = Layer.effect(
    Executions,
    Effect.gen(function* () {
      const turnOf = yield* makeAgentTurns
      const doorbell = yield* Doorbell
      const services = yield* Effect.context<ExecutionServices>()
      const executions = yield* FiberSet.make<void>()
      const stopping = yield* Deferred.make<void>()
      const suspending = yield* Deferred.make<void>()

      const carry = Effect.fn("Executions.carry")(function* (carried: CarriedRun, how: Carrying) {
        const { fields, lease, order, run } = carried
        const { answered, background, place, segment, startTurn } = how
        const begun = yield* Deferred.make<void, BeginFailure>()
        if (background) yield* Deferred.succeed(begun, undefined)
        const leave = Effect.andThen(Scope.close(place, Exit.void), doorbell.ring(queueBell))
        yield* executeRun({
          lease,
          run,
          turn: turnOf(carried, segment, answered),
          answered,
          hooks: order.options.hooks ?? {},
          memory: order.options.memory ?? {},
          fields,
          begun,
          segment,
          startTurn,
          stopping: Deferred.await(stopping),
          suspending: Deferred.await(suspending),
          // Who answered wants it to go on, and its stream had ended: nobody can be reading.
          outlivesReaders: order.on_disconnect === "continue" || answered !== null,
          handsOver: order.on_crash === "resume",
          repeatable: order.repeatable,
          // Its session is free now, and so is its place.
          onEnd: leave
        }).pipe(
          Effect.provideContext(services),
          Effect.ensuring(leave),
          Effect.annotateLogs({ run_id: run.id, session_id: run.session_id }),
          FiberSet.run(executions)
        )
        return Deferred.await(begun)
      })

      const none = FiberSet.awaitEmpty(executions)

      return Executions.of({
        carry,
        none,
        suspend: Effect.asVoid(Deferred.succeed(suspending, undefined)),
        stop: (patience) =>
          Effect.andThen(Deferred.succeed(stopping, undefined), Effect.asVoid(Effect.timeoutOption(none, patience)))
      })
    })
  )
}
