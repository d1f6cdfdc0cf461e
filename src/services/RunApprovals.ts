import { DateTime, Deferred, Duration, Effect, Schedule, Semaphore } from "effect"
import { SecureRandom } from "effect/crypto"
import type { ToolRequest } from "../domain/Agent.ts"
import {
  type Approval,
  ApprovalId,
  type ApprovalPolicy,
  decisionOf,
  questionsIn,
  type ToolDecision
} from "../domain/Approval.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Lease } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import { Settings } from "../domain/Settings.ts"
import { ApprovalRepository, type NewApproval } from "../storage/ApprovalRepository.ts"
import { type ApprovalOutcome, countApproval, OpenApprovals } from "./OpenApprovals.ts"
import type { RunWriter } from "./RunLog.ts"

/** Pause before something that the database did not take is tried again, in milliseconds. */
const retryPause = 200

/** How often it is looked whether an agent can be let go, in milliseconds. */
const readyCheckEvery = 200

const outcomeOf = ({ answer, status }: Approval): Exclude<ApprovalOutcome, "asked"> => {
  if (status === "expired") return "expired"
  return answer?.decision === "allow" ? "allowed" : "denied"
}

/** Whose agent asks, and how long people have to answer. */
export interface AskingRun {
  readonly lease: Lease
  readonly writer: RunWriter
  readonly policy: ApprovalPolicy | undefined
  /** What was asked before its agent was let go, and is answered now. */
  readonly answered: Approval | null
  /** Whether its agent does nothing but wait for the decision about a tool call. */
  readonly waitsOnlyFor: (tool_use_id: string) => boolean
  /** Completed when the service is about to stop. */
  readonly suspending: Effect.Effect<void>
  /** Has the agent go by what is allowed for its session now. */
  readonly renewRules: Effect.Effect<unknown, DatabaseFailure>
  /** Has the agent let go: it has waited long enough. It is given no decision any more. */
  readonly letGo: (tool_use_id: string) => Effect.Effect<void>
}

/** What asks people for the agent of a run. */
export type RunApprovals = Effect.Success<ReturnType<typeof makeRunApprovals>>

/** Makes what asks people for the agent of a run: one thing after the other, as its events say. */
export const makeRunApprovals = Effect.fnUntraced(function* (run: AskingRun) {
  const { answered, lease, policy, writer } = run
  const { approvalExpiry, approvalHold } = yield* Settings
  const approvals = yield* ApprovalRepository
  const open = yield* OpenApprovals
  const random = yield* SecureRandom.SecureRandom
  const oneAtATime = yield* Semaphore.make(1)
  const ids = { session_id: lease.session_id, run_id: lease.run_id }
  let isLetGo = false

  const eventOf = ({ expires_at, id: approval_id, request }: NewApproval): RunEvent => {
    const { input, reason, rules, tool_name, tool_use_id } = request
    const questions = questionsIn(tool_name, input)
    const [first] = questions
    return first === undefined
      ? {
          event: "permission_request",
          data: { ...ids, approval_id, tool_name, tool_use_id, input, reason, rules, expires_at }
        }
      : {
          event: "question",
          data: { ...ids, approval_id, tool_use_id, question: first.question, questions, expires_at }
        }
  }

  const untilTaken = <A>(call: Effect.Effect<A, DatabaseFailure>) =>
    call.pipe(Effect.retry(Schedule.spaced(retryPause)), Effect.orDie)

  /** From here on the tool may be at work: it is noted before the agent is told, however long that takes. */
  const deliver = (id: ApprovalId) => untilTaken(approvals.deliver(lease, id))

  const tell = Effect.fnUntraced(function* (approval: Approval, decision: Deferred.Deferred<ToolDecision>) {
    // Whose run is another's now has nothing to tell.
    if (!(yield* deliver(approval.id))) return
    if (approval.answer?.scope === "session") yield* untilTaken(run.renewRules)
    const outcome = outcomeOf(approval)
    yield* countApproval(outcome)
    yield* writer.append({ event: "status", data: { status: `approval_${outcome}`, message: approval.id } })
    yield* Deferred.succeed(decision, decisionOf(approval))
  })

  /** Never done: the agent goes, or is told. What nobody could take up again keeps it. */
  const letGoLater = ({ endsWithProcess, tool_use_id }: ToolRequest) =>
    Effect.gen(function* () {
      if (endsWithProcess) return yield* Effect.never
      yield* Effect.raceFirst(Effect.sleep(approvalHold), run.suspending)
      const isReady = Effect.sync(() => (isLetGo = run.waitsOnlyFor(tool_use_id)))
      yield* Effect.repeat(isReady, { until: (ready) => ready, schedule: Schedule.spaced(readyCheckEvery) })
      yield* run.letGo(tool_use_id)
      return yield* Effect.never
    })

  const ask = Effect.fnUntraced(function* (request: ToolRequest, decision: Deferred.Deferred<ToolDecision>) {
    if (isLetGo) return
    if (answered?.tool_use_id === request.tool_use_id) return yield* tell(answered, decision)
    const patience = policy?.expires_in === undefined ? approvalExpiry : policy.expires_in * 1000
    const approval: NewApproval = {
      id: ApprovalId.make(yield* random.uuidV7()),
      kind: questionsIn(request.tool_name, request.input).length > 0 ? "question" : "permission",
      request,
      expires_at: DateTime.addDuration(yield* DateTime.now, Duration.millis(patience))
    }
    yield* countApproval("asked")
    yield* writer.append(eventOf(approval), approval)
    const settled = yield* Effect.raceFirst(open.settled(approval), letGoLater(request))
    // Who was let go has nobody to be told: whoever goes on with the run tells its agent.
    if (!isLetGo) yield* tell(settled, decision)
  })

  return {
    /** Asks, and gives the agent the decision. What cannot be written any more ends the run, not this. */
    ask: (request: ToolRequest, decision: Deferred.Deferred<ToolDecision>): Effect.Effect<void> =>
      oneAtATime.withPermits(1)(Effect.ignore(ask(request, decision))),
    /** Ends what was answered about a call that the agent does not make any more. */
    withdraw: (tool_use_id: string): Effect.Effect<void> =>
      answered?.tool_use_id === tool_use_id ? untilTaken(approvals.withdraw(lease, answered.id)) : Effect.void
  }
})
