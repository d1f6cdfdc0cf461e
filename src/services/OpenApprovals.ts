import { Clock, Context, DateTime, Deferred, Effect, Layer, Metric, type Scope, Stream } from "effect"
import { Doorbell } from "../cache/Doorbell.ts"
import type { Approval, ApprovalId } from "../domain/Approval.ts"
import { ApprovalRepository, type NewApproval } from "../storage/ApprovalRepository.ts"

/** How often it is looked for answers that no ring announced, in milliseconds. */
const lookEvery = 500

/** Rung when something was answered. */
export const approvalBell = "approval"

const outcomes = ["asked", "allowed", "denied", "expired"] as const
export type ApprovalOutcome = (typeof outcomes)[number]

const approvals = Metric.counter("approvals_total", {
  description: "What agents asked people, and what became of it for them",
  incremental: true
})

const countOf = (outcome: ApprovalOutcome) => Metric.withAttributes(approvals, { outcome })

/** Counts something that was asked, or what became of it. */
export const countApproval = (outcome: ApprovalOutcome): Effect.Effect<void> => Metric.update(countOf(outcome), 1)

interface Waiting {
  readonly expires: number
  readonly settled: Deferred.Deferred<Approval>
}

/** What agents of this instance wait for: one look at the database for all of them. */
export class OpenApprovals extends Context.Service<
  OpenApprovals,
  {
    /** Waits until one has an answer, wherever that came in, or its time is over. */
    settled(approval: Pick<NewApproval, "id" | "expires_at">): Effect.Effect<Approval>
  }
>()("causeway/services/OpenApprovals") {
  static readonly layer = Layer.effect(
    OpenApprovals,
    Effect.gen(function* () {
      const doorbell = yield* Doorbell
      const repository = yield* ApprovalRepository
      const waiting = new Map<ApprovalId, Waiting>()
      yield* Effect.forEach(outcomes, (outcome) => Metric.value(countOf(outcome)), { discard: true })

      const look = Effect.gen(function* () {
        if (waiting.size === 0) return
        const now = yield* Clock.currentTimeMillis
        const due = [...waiting].filter(([, { expires }]) => expires <= now)
        yield* Effect.forEach(due, ([id]) => repository.expire(id), { discard: true })
        for (const approval of yield* repository.settled([...waiting.keys()])) {
          const one = waiting.get(approval.id)
          if (one !== undefined) yield* Deferred.succeed(one.settled, approval)
        }
      }).pipe(Effect.catch((failure) => Effect.logDebug("Answers cannot be read", failure)))

      yield* doorbell.rings.pipe(
        Stream.filter((name) => name === approvalBell || name === ""),
        Stream.merge(Stream.tick(lookEvery)),
        Stream.runForEach(() => look),
        Effect.forkScoped
      )

      const settled = Effect.fn("OpenApprovals.settled")(function* ({
        expires_at,
        id
      }: Pick<NewApproval, "id" | "expires_at">): Effect.fn.Return<Approval, never, Scope.Scope> {
        const one: Waiting = { expires: DateTime.toEpochMillis(expires_at), settled: yield* Deferred.make<Approval>() }
        yield* Effect.acquireRelease(
          Effect.sync(() => waiting.set(id, one)),
          () => Effect.sync(() => waiting.delete(id))
        )
        return yield* Deferred.await(one.settled)
      }, Effect.scoped)

      return OpenApprovals.of({ settled })
    })
  )
}
