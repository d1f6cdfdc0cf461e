import { Deferred, Effect, Option, Result, type Scope, Semaphore, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { AgentRuntime, type AgentTurn, type RunningAgent } from "../agent/AgentRuntime.ts"
import { Workspaces } from "../agent/Workspaces.ts"
import type { AgentEvent, AgentOutcome, AgentSpent } from "../domain/Agent.ts"
import { RunTimedOut } from "../domain/errors/AgentErrors.ts"
import type { PromptDenied } from "../domain/errors/HookErrors.ts"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"
import type { Approval } from "../domain/Approval.ts"
import type { Hooks as HooksByEvent } from "../domain/Hook.ts"
import type { LoadedImage } from "../domain/Image.ts"
import type { Lease, RunId, RunTotals } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import { McpRelay } from "../outbound/McpRelay.ts"
import { Settings } from "../domain/Settings.ts"
import type { ApprovalRepository } from "../storage/ApprovalRepository.ts"
import { SessionRuleRepository } from "../storage/SessionRuleRepository.ts"
import { Budgets } from "./Budgets.ts"
import { throughRelay } from "./McpRelayed.ts"
import { Checkpoints } from "./Checkpoints.ts"
import { type FailureFields, reportFailure } from "./FailureReport.ts"
import { Hooks } from "./Hooks.ts"
import { Leases } from "./Leases.ts"
import type { CommitFailure } from "./LogWriter.ts"
import type { Recalled } from "./MemoryRecall.ts"
import type { Keeping } from "./WorkspaceKeeping.ts"
import { RunControls } from "./RunControls.ts"
import { withinLimits } from "./RunLimits.ts"
import type { RunWriter } from "./RunLog.ts"
import { measureFirstToken } from "./RunMetrics.ts"
import { RunReaders } from "./RunReaders.ts"
import { makeRunApprovals } from "./RunApprovals.ts"
import type { OpenApprovals } from "./OpenApprovals.ts"
import type { EndOfStart } from "./StartTurns.ts"

/** What one run's agent is to do, and for how long. */
export interface RunAssignment {
  readonly lease: Lease
  readonly turn: AgentTurn
  /** What the run has come to before. */
  readonly earlier: RunTotals
  readonly writer: RunWriter
  /** Who is asked while the agent works. */
  readonly hooks: HooksByEvent
  /** What the agent is told of what was remembered. */
  readonly recall: Effect.Effect<Recalled>
  /** For log lines about the run. */
  readonly fields: FailureFields
  /** Whether it goes on although nobody reads it. */
  readonly outlivesReaders: boolean
  /** Whether the log has the prompt already, from an earlier segment. */
  readonly promptIsLogged: boolean
  /** Whether another instance is to go on with it when this one stops. */
  readonly handsOver: boolean
  /** What was asked before an earlier agent was let go, and is answered now. */
  readonly answered: Approval | null
  /** Waits until its agent may start; what it answers with lets the next one. */
  readonly startTurn: Effect.Effect<EndOfStart>
  /** Run when the agent has said `init`. */
  readonly onInit: Effect.Effect<unknown>
  /** Completed when the service is about to stop: an agent that waits for an answer is let go. */
  readonly suspending: Effect.Effect<void>
  /** Completed when the service stops and runs have had their time. */
  readonly stopping: Effect.Effect<void>
}

/** How the work on a run ended: with the agent's own end, for another instance, or because nothing could be written any more. */
export type WorkEnd =
  | { readonly _tag: "Ended"; readonly outcome: AgentOutcome; readonly transcriptComplete: boolean }
  | { readonly _tag: "LetGo"; readonly spent: AgentSpent }
  /** Its agent was let go until somebody has answered what it asks. */
  | { readonly _tag: "Waiting"; readonly spent: AgentSpent }
  | { readonly _tag: "Unwritable"; readonly reason: CommitFailure; readonly outcome: AgentOutcome | null }

/** How long an interrupted agent has to say how its turn ended: it may still have to store its conversation. */
const interruptPatience = 8000

/** How long an agent that waits for an answer has to be let go when the service stops, in milliseconds. */
const asideWithin = 300

/** A picture as the log shows it: which one it was, and not itself, which would be sent to every reader again. */
const imageReference = ({ data: _data, ...reference }: LoadedImage) => ({ type: "image", ...reference })

/** The prompt as the log shows it, so that the history has both sides of the conversation. */
const promptMessage = (run: RunId, { equipment, prompt }: AgentTurn): RunEvent => ({
  event: "message",
  data: {
    type: "user",
    content: [...equipment.images.map(imageReference), { type: "text", text: prompt }],
    model: null,
    uuid: run,
    usage: null,
    parent_tool_use_id: null
  }
})

/** Has an agent work on a run and writes down what it says. When it answers, no process of the agent is left. */
export const workOn = Effect.fn("RunWork.workOn")(function* (
  order: RunAssignment
): Effect.fn.Return<
  WorkEnd,
  never,
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
  | Scope.Scope
> {
  const { runTimeout } = yield* Settings
  const runtime = yield* AgentRuntime
  const workspaces = yield* Workspaces
  const rules = yield* SessionRuleRepository
  const budgets = yield* Budgets
  const checkpoints = yield* Checkpoints
  const hooks = yield* Hooks
  const leases = yield* Leases
  const controls = yield* RunControls
  const readers = yield* RunReaders
  const scope = yield* Effect.scope
  const { lease, turn, writer } = order
  const accepted = (yield* CurrentRequest)?.startedAt ?? performance.now()
  let silent = true
  let transcriptComplete = true
  // An event that cannot be written any more is dropped: `writer.failed` says so, and the outcome is still wanted.
  const write = (event: RunEvent) => Effect.ignore(writer.append(event))
  const warn = (failure: Parameters<typeof toErrorObject>[0]) =>
    Effect.andThen(
      reportFailure(failure, order.fields),
      write({ event: "error", data: { ...toErrorObject(failure, order.fields.request_id ?? null), fatal: false } })
    )
  const ids = { session_id: lease.session_id, run_id: lease.run_id }

  // The lease is kept from here on: an agent that takes long to start must not lose its run over it.
  let agentAtWork: RunningAgent | null = null
  let frozen = false
  const lost = yield* leases.hold(lease, {
    freeze: Effect.suspend(() => {
      frozen = true
      return agentAtWork?.freeze ?? Effect.void
    }),
    thaw: Effect.suspend(() => {
      frozen = false
      return agentAtWork?.thaw ?? Effect.void
    })
  })
  let denied: PromptDenied | null = null
  const listener = {
    failed: warn,
    promptDenied: (failure: PromptDenied) => Effect.sync(() => (denied = failure))
  }
  const [allowed, asked, allowedRules] = yield* Effect.all(
    [
      Effect.result(budgets.allowance(turn.tenantId, lease.session_id)),
      Effect.result(hooks.of(order.hooks, { tenant_id: turn.tenantId, ...ids }, listener)),
      Effect.result(rules.inForce(turn.tenantId, lease.session_id))
    ],
    { concurrency: 3 }
  )
  if (Result.isFailure(allowed)) return { _tag: "Unwritable", reason: allowed.failure, outcome: null }
  // Nobody works unasked whose tenant may want to be asked.
  if (Result.isFailure(asked)) return { _tag: "Unwritable", reason: asked.failure, outcome: null }
  if (Result.isFailure(allowedRules)) return { _tag: "Unwritable", reason: allowedRules.failure, outcome: null }
  const limited = withinLimits(turn, order.earlier, allowed.success)
  if (Result.isFailure(limited)) {
    const outcome: AgentOutcome = { _tag: "Failed", failure: limited.failure, result: null }
    return { _tag: "Ended", outcome, transcriptComplete }
  }
  let kept: Keeping | null = null
  const keep = Effect.gen(function* () {
    yield* workspaces.prepare(turn.tenantId, turn.cwd)
    // An earlier segment has kept it as it was at the prompt.
    if (turn.options.enable_file_checkpointing !== true || order.promptIsLogged) return
    kept = yield* checkpoints.keep({ tenant_id: turn.tenantId, cwd: turn.cwd, ...ids })
  })
  const endStart = yield* Effect.acquireRelease(order.startTurn, (end) => end, { interruptible: true })
  const launched = yield* Effect.result(
    Effect.gen(function* () {
      const [{ additions }] = yield* Effect.all([order.recall, keep], { concurrency: 2 })
      const mcpServers = yield* Effect.forEach(turn.equipment.mcpServers, throughRelay)
      return yield* runtime.start({
        ...turn,
        options: limited.success.options,
        sessionRules: allowedRules.success,
        hooks: asked.success,
        additions: [...turn.additions, ...additions],
        equipment: { ...turn.equipment, mcpServers }
      })
    })
  )
  if (Result.isFailure(launched)) {
    const outcome: AgentOutcome = { _tag: "Failed", failure: launched.failure, result: null }
    return { _tag: "Ended", outcome, transcriptComplete }
  }
  const agent = launched.success
  agentAtWork = agent
  const outcome = yield* Deferred.make<AgentOutcome>()
  const letGo = yield* Deferred.make<true>()
  const aside = yield* Deferred.make<string>()
  // What was read last is what the agent is told last.
  const oneAtATime = yield* Semaphore.make(1)
  const renewRules = rules
    .inForce(turn.tenantId, lease.session_id)
    .pipe(Effect.flatMap(agent.allow), oneAtATime.withPermits(1))
  const ask = yield* makeRunApprovals({
    lease,
    writer,
    policy: turn.options.approvals,
    answered: order.answered,
    waitsOnlyFor: agent.waitsOnlyFor,
    renewRules,
    suspending: order.suspending,
    letGo: (tool_use_id) => Effect.asVoid(Deferred.succeed(aside, tool_use_id))
  })
  let overtime: RunTimedOut | null = null
  const watchTime = Effect.gen(function* () {
    yield* Effect.sleep(Math.max(0, runTimeout - (order.earlier.duration_ms ?? 0)))
    overtime = new RunTimedOut({ limit_ms: runTimeout })
    yield* agent.interrupt
  })
  // Until the agent has said `init` the client waits for the head of its answer: nobody can read yet.
  const readable = yield* Deferred.make<void>()
  const watchReaders = Effect.gen(function* () {
    yield* Deferred.await(readable)
    yield* readers.awaitNone(lease.session_id, lease.run_id)
    yield* agent.interrupt
  })
  const watchStop = Effect.gen(function* () {
    yield* order.stopping
    // An agent that waits for an answer is on its way out already.
    if (Option.isSome(yield* Effect.timeoutOption(Deferred.await(aside), asideWithin))) return
    yield* order.handsOver ? Deferred.succeed(letGo, true) : agent.interrupt
  })
  yield* Effect.forkScoped(watchTime)
  yield* Effect.forkScoped(watchStop)
  if (!order.outlivesReaders) yield* Effect.forkScoped(watchReaders)

  yield* controls.obey(lease.run_id, {
    interrupt: agent.interrupt,
    change: Effect.fnUntraced(function* (change) {
      const refusal = yield* agent.change(change)
      if (refusal !== null) return refusal
      for (const [field, message] of Object.entries(change)) {
        yield* write({ event: "status", data: { status: `${field}_changed`, message } })
      }
      return null
    }),
    renewRules: Effect.tap(renewRules, (refusal) =>
      refusal === null ? write({ event: "status", data: { status: "rules_changed", message: null } }) : Effect.void
    )
  })
  const handle = Effect.fnUntraced(function* (event: AgentEvent) {
    switch (event.event) {
      case "init":
        yield* write({ event: "init", data: { ...ids, ...event.data } })
        if (!order.promptIsLogged) yield* write(promptMessage(lease.run_id, turn))
        yield* endStart
        if (kept !== null) {
          const data = { action: "taken", checkpoint_id: lease.run_id, restore: null, ...kept } as const
          yield* write({ event: "checkpoint", data })
        }
        yield* order.onInit
        yield* Deferred.succeed(readable, undefined)
        return
      case "request":
        if (event.request.tool_use_id === order.answered?.tool_use_id) {
          // It goes on with this call, and is ready only after it.
          yield* endStart
          yield* Deferred.succeed(readable, undefined)
        }
        // It may wait for long, and the agent may have more to say meanwhile.
        return yield* Effect.forkIn(ask(event.request, event.decision), scope)
      case "warning":
        if (event.failure._tag === "InitParseFailed") return yield* reportFailure(event.failure, order.fields)
        transcriptComplete = false
        return yield* warn(event.failure)
      case "end": {
        const told = limited.success.judge(event.outcome)
        // The agent takes the hook's words for an answer.
        const own: AgentOutcome =
          denied !== null && told._tag === "Completed" ? { ...told, _tag: "Failed", failure: denied } : told
        const ended: AgentOutcome =
          overtime === null || own._tag === "Completed"
            ? own
            : { _tag: "Failed", failure: overtime, result: own._tag === "Unreadable" ? null : own.result }
        yield* Deferred.succeed(outcome, ended)
        return
      }
      default:
        if (silent && (event.event === "partial" || event.event === "message")) {
          silent = false
          yield* measureFirstToken(accepted)
        }
        yield* write(event)
    }
  })
  yield* agent.events.pipe(Stream.runForEach(handle), Effect.forkScoped)

  const unwritable = Effect.flip(Effect.raceFirst(writer.failed, lost))
  const first = yield* Effect.raceAllFirst([
    Effect.map(Deferred.await(outcome), (ended) => ({ ended })),
    Effect.map(unwritable, (reason) => ({ reason })),
    Effect.map(Deferred.await(aside), (tool_use_id) => ({ tool_use_id })),
    Effect.map(Deferred.await(letGo), (gone) => ({ gone }))
  ])
  if ("tool_use_id" in first) {
    const spent = yield* agent.spent
    yield* agent.abandon
    const said = Option.getOrNull(yield* Effect.timeoutOption(Deferred.await(outcome), interruptPatience))
    if (said?._tag === "Completed") return { _tag: "Ended", outcome: said, transcriptComplete }
    const completed = yield* Effect.result(agent.setAside(first.tool_use_id))
    // Whoever goes on with it completes it then.
    if (Result.isFailure(completed)) yield* reportFailure(completed.failure, order.fields)
    else yield* Effect.forEach(completed.success, handle, { discard: true })
    return { _tag: "Waiting", spent }
  }
  if ("gone" in first) {
    // Its turn is not to be ended but broken off, with all that it had said until then.
    const spent = yield* agent.spent
    yield* agent.abandon
    const said = Option.getOrNull(yield* Effect.timeoutOption(Deferred.await(outcome), interruptPatience))
    return said?._tag === "Completed" ? { _tag: "Ended", outcome: said, transcriptComplete } : { _tag: "LetGo", spent }
  }
  if ("ended" in first) return { _tag: "Ended", outcome: first.ended, transcriptComplete }
  // Whoever holds the run now needs this agent gone, not its word.
  // Nor can one that is frozen give it, and it may not go on: the run may be another's by now.
  if (first.reason._tag === "LeaseLost" || frozen) return { _tag: "Unwritable", reason: first.reason, outcome: null }
  yield* Effect.forkScoped(agent.interrupt)
  const last = yield* Effect.timeoutOption(Deferred.await(outcome), interruptPatience)
  return { _tag: "Unwritable", reason: first.reason, outcome: Option.getOrNull(last) }
})
