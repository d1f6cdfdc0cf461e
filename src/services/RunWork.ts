import { Deferred, Effect, Option, Result, type Scope, Semaphore, Stream } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { AgentRuntime, RunningAgent } from "../agent/AgentRuntime.ts"
import type { Workspaces } from "../agent/Workspaces.ts"
import type { AgentOutcome } from "../domain/Agent.ts"
import type { RunTimedOut } from "../domain/errors/AgentErrors.ts"
import type { PromptDenied } from "../domain/errors/HookErrors.ts"
import type { Settings } from "../domain/Settings.ts"
import type { McpRelay } from "../outbound/McpRelay.ts"
import type { ApprovalRepository } from "../storage/ApprovalRepository.ts"
import { SessionRuleRepository } from "../storage/SessionRuleRepository.ts"
import { launchAgent } from "./AgentLaunch.ts"
import type { Budgets } from "./Budgets.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import { reportFailure } from "./FailureReport.ts"
import type { Hooks } from "./Hooks.ts"
import type { Leases } from "./Leases.ts"
import type { OpenApprovals } from "./OpenApprovals.ts"
import { makeRunApprovals } from "./RunApprovals.ts"
import type { RunAssignment, WorkEnd } from "./RunAssignment.ts"
import { RunControls } from "./RunControls.ts"
import { holdRun } from "./RunHold.ts"
import { makeRunListener } from "./RunListener.ts"
import { prepareTurn } from "./RunPreparation.ts"
import type { RunReaders } from "./RunReaders.ts"
import { makeTelling } from "./RunTelling.ts"
import { watchRun } from "./RunWatches.ts"

/** How long an interrupted agent has to say how its turn ended: it may still have to store its conversation. */
const interruptPatience = 8000

/** What the work on a run needs. */
export type WorkServices =
  | AgentRuntime
  | ApprovalRepository
  | SessionRuleRepository
  | OpenApprovals
  | SecureRandom.SecureRandom
  | Budgets
  | Checkpoints
  | Hooks
  | McpRelay
  | Workspaces
  | Settings
  | Leases
  | RunControls
  | RunReaders

/** Has an agent listen to what is wanted of the run, and renews what its session allows. */
const obey = Effect.fnUntraced(function* (order: RunAssignment, agent: RunningAgent) {
  const controls = yield* RunControls
  const rules = yield* SessionRuleRepository
  const { tell } = makeTelling(order)
  const { lease, turn } = order
  // What was read last is what the agent is told last.
  const oneAtATime = yield* Semaphore.make(1)
  const renewRules = rules
    .inForce(turn.tenantId, lease.session_id)
    .pipe(Effect.flatMap(agent.allow), oneAtATime.withPermits(1))
  yield* controls.obey(lease.run_id, {
    interrupt: agent.interrupt,
    change: Effect.fnUntraced(function* (change) {
      const refusal = yield* agent.change(change)
      if (refusal !== null) return refusal
      for (const [field, message] of Object.entries(change)) {
        yield* tell({ event: "status", data: { status: `${field}_changed`, message } })
      }
      return null
    }),
    renewRules: Effect.tap(renewRules, (refusal) =>
      refusal === null ? tell({ event: "status", data: { status: "rules_changed", message: null } }) : Effect.void
    )
  })
  return renewRules
})

/** Has an agent work on a run and writes down what it says; fails with the end of a run whose agent cannot begin. */
const work = Effect.fnUntraced(function* (
  order: RunAssignment
): Effect.fn.Return<WorkEnd, WorkEnd, WorkServices | Scope.Scope> {
  const { lease, turn, writer } = order
  const hold = yield* holdRun(lease)
  const { warn } = makeTelling(order)
  let denied: PromptDenied | null = null
  let overtime: RunTimedOut | null = null
  const prepared = yield* prepareTurn(order, {
    failed: warn,
    promptDenied: (failure) => Effect.sync(() => (denied = failure))
  })
  const endStart = yield* Effect.acquireRelease(order.startTurn, (end) => end, { interruptible: true })
  const { agent, kept } = yield* launchAgent(order, prepared.turn)
  hold.attach(agent)

  /** What the run comes to with its agent's end. */
  const judge = (outcome: AgentOutcome): AgentOutcome => {
    const told = prepared.judge(outcome)
    // The agent takes the hook's words for an answer.
    const own: AgentOutcome =
      denied !== null && told._tag === "Completed" ? { ...told, _tag: "Failed", failure: denied } : told
    return overtime === null || own._tag === "Completed"
      ? own
      : { _tag: "Failed", failure: overtime, result: own._tag === "Unreadable" ? null : own.result }
  }

  const readable = yield* Deferred.make<void>()
  const aside = yield* Deferred.make<string>()
  const handOver = yield* watchRun(order, {
    agent,
    readable,
    aside,
    onOvertime: (failure) => {
      overtime = failure
    }
  })
  const renewRules = yield* obey(order, agent)
  const approvals = yield* makeRunApprovals({
    lease,
    writer,
    policy: turn.options.approvals,
    answered: order.answered,
    waitsOnlyFor: agent.waitsOnlyFor,
    renewRules,
    suspending: order.suspending,
    letGo: (tool_use_id) => Effect.asVoid(Deferred.succeed(aside, tool_use_id))
  })
  const listener = yield* makeRunListener(order, { approvals, endStart, judge, kept, readable })
  yield* agent.events.pipe(Stream.runForEach(listener.handle), Effect.forkScoped)

  const ended = (outcome: AgentOutcome): WorkEnd => ({
    _tag: "Ended",
    outcome,
    transcriptComplete: listener.isTranscriptComplete()
  })
  const lastWord = Effect.map(
    Effect.timeoutOption(Deferred.await(listener.outcome), interruptPatience),
    Option.getOrNull
  )

  /** Breaks its turn off, with all that it had said until then, so that another agent can go on with it. */
  const letGo = Effect.fnUntraced(function* (tag: "LetGo" | "Waiting", complete: Effect.Effect<void>) {
    const spent = yield* agent.spent
    yield* agent.abandon
    const said = yield* lastWord
    if (said?._tag === "Completed") return ended(said)
    yield* complete
    return { _tag: tag, spent } satisfies WorkEnd
  })

  const setAside = Effect.fnUntraced(function* (tool_use_id: string) {
    const completed = yield* Effect.result(agent.setAside(tool_use_id))
    // Whoever goes on with it completes it then.
    if (Result.isFailure(completed)) return yield* reportFailure(completed.failure, order.fields)
    yield* Effect.forEach(completed.success, listener.handle, { discard: true })
  })

  const stop = Effect.fnUntraced(function* (reason: Extract<WorkEnd, { readonly _tag: "Unwritable" }>["reason"]) {
    // Whoever holds the run now needs this agent gone, not its word.
    // Nor can one that is frozen give it, and it may not go on: the run may be another's by now.
    if (reason._tag === "LeaseLost" || hold.isFrozen()) {
      return { _tag: "Unwritable", reason, outcome: null } satisfies WorkEnd
    }
    yield* Effect.forkScoped(agent.interrupt)
    return { _tag: "Unwritable", reason, outcome: yield* lastWord } satisfies WorkEnd
  })

  const unwritable = Effect.flip(Effect.raceFirst(writer.failed, hold.lost))
  const next = yield* Effect.raceAllFirst([
    Effect.map(Deferred.await(listener.outcome), (outcome) => Effect.succeed(ended(outcome))),
    Effect.map(unwritable, stop),
    Effect.map(Deferred.await(aside), (tool_use_id) => letGo("Waiting", setAside(tool_use_id))),
    Effect.as(Deferred.await(handOver), letGo("LetGo", Effect.void))
  ])
  return yield* next
})

/** Has an agent work on a run and writes down what it says. When it answers, no process of the agent is left. */
export const workOn = Effect.fn("RunWork.workOn")(
  (order: RunAssignment): Effect.Effect<WorkEnd, never, WorkServices | Scope.Scope> =>
    work(order).pipe(Effect.catch((end) => Effect.succeed(end)))
)
