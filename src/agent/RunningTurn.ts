import { Cause, Effect, Option, Queue, Record, Result, Schema, Stream } from "effect"
import type { AgentEvent, AgentOutcome, AgentSpent } from "../domain/Agent.ts"
import {
  AgentProtocolBroken,
  AgentStartTimedOut,
  InitParseFailed,
  ResultParseFailed,
  TranscriptNotStored,
  UuidTypeError
} from "../domain/errors/AgentErrors.ts"
import { ModelSilent } from "../domain/errors/ModelErrors.ts"
import type { RunChange } from "../domain/RunChange.ts"
import { PermissionMode } from "../domain/RunOptions.ts"
import { countUnknownMessage } from "./AgentObservation.ts"
import type { AgentSettings, BegunTurn, RunningAgent } from "./AgentRuntime.ts"
import { eventsOf, nameOf } from "./EventMapping.ts"
import { earlyInit } from "./EarlyInit.ts"
import type { LiveAgent } from "./LiveAgent.ts"
import { modelUsageOf, outcomeOf, resultOf, unknownResult } from "./Outcome.ts"
import { failureOfProcess, outOfMemoryKills } from "./ProcessEnd.ts"
import { Todos } from "./Todos.ts"
import { gateName } from "./StartGate.ts"
import { setAside } from "./SuspendedSubagent.ts"
import { SdkInit, SdkInitSession, SdkResult, SdkSpent } from "./SdkMessages.ts"
import type { TranscriptStore } from "./TranscriptStore.ts"
import type { ToolRequests } from "./ToolRequests.ts"
import { TurnRequests } from "./TurnRequests.ts"
import { TurnTally } from "./TurnTally.ts"
import { TurnWatch, type Verdict } from "./TurnWatch.ts"

/** How many events may wait for their reader before the agent's output is left where it is. */
const mostWaiting = 64
/** How long an agent may take to stop when asked to, or to end after its result. */
const stoppedWithinMillis = 2000
/** How long an agent may take to change: less than who asked for it waits. */
const changedWithinMillis = 4000

/** How long an agent may take to say what it has spent: it answers in milliseconds, or is stuck. */
const spentWithinMillis = 1000

const decodeInit = Schema.decodeUnknownResult(SdkInit)
const decodeInitSession = Schema.decodeUnknownOption(SdkInitSession)
const decodeSpent = Schema.decodeUnknownEffect(SdkSpent)
const decodeResult = Schema.decodeUnknownResult(SdkResult)
const isPermissionMode = Schema.is(PermissionMode)

/** Listens to an agent at work on a turn until it is over, and stops it when told to or when it must be. */
export const runTurn = Effect.fnUntraced(function* (
  settings: AgentSettings,
  turn: BegunTurn,
  agent: LiveAgent,
  transcript: TranscriptStore,
  opening: ReadonlyArray<AgentEvent>,
  requests: ToolRequests
) {
  const queue = yield* Queue.bounded<AgentEvent, Cause.Done>(mostWaiting)
  const scope = yield* Effect.scope
  const watch = new TurnWatch()
  const asking = new TurnRequests(turn, requests, watch, transcript)
  const todos = new Todos()
  const tally = new TurnTally()
  const started = performance.now()
  const killsBefore = outOfMemoryKills()
  const facts = () => ({
    model: turn.model,
    lastError: watch.lastError,
    idleLimit: settings.modelIdleTimeout,
    wantsForm: turn.options.output_format !== undefined
  })
  let result: Result.Result<SdkResult, unknown> | undefined
  let thrown: unknown
  let warned = false
  /** What an agent says that begins with a tool call, until it is ready. */
  const early: Array<AgentEvent> = []

  const killLater = Effect.sleep(stoppedWithinMillis).pipe(
    Effect.andThen(Effect.sync(() => watch.over || agent.kill())),
    Effect.forkIn(scope)
  )

  const judge = (verdict: Verdict) =>
    Effect.sync(() => {
      if (watch.over || result !== undefined || watch.verdict !== undefined) return false
      watch.verdict = verdict
      return true
    })

  /** With a result if the agent can still give one: it says what was spent. */
  const stop = Effect.fnUntraced(function* (verdict: Verdict) {
    if (!(yield* judge(verdict))) return
    // Before it is ready, or at work on a call from before, it hears nothing, and has asked the model for nothing.
    if (!watch.ready && requests.begun.size === 0) return agent.kill()
    yield* killLater
    yield* Effect.tryPromise(() => agent.interrupt()).pipe(Effect.timeoutOption(stoppedWithinMillis), Effect.ignore)
  })

  const attempt = (field: "permission_mode" | "model" | "rules", ask: () => Promise<void>) =>
    Effect.tryPromise(ask).pipe(
      Effect.match({
        onSuccess: () => null,
        // An agent that ends does not hear any more.
        onFailure: () => (watch.over || result !== undefined ? "over" : field)
      })
    )

  const change = Effect.fnUntraced(function* ({ model, permission_mode }: RunChange) {
    if (watch.over || result !== undefined) return "over"
    if (permission_mode === "bypassPermissions" && !turn.mayBypassPermissions) return "permission_mode"
    const refused =
      permission_mode === undefined
        ? null
        : yield* attempt("permission_mode", () => agent.setPermissionMode(permission_mode))
    if (refused !== null || model === undefined) return refused
    return yield* attempt("model", () => agent.setModel(model))
  })

  const allow = (rules: ReadonlyArray<string>) =>
    watch.over || result !== undefined ? Effect.succeed("over" as const) : attempt("rules", () => agent.allow(rules))

  /** What is allowed for the session holds before the agent hears what to do. */
  const begin = Effect.gen(function* () {
    const refusal = turn.sessionRules.length === 0 ? null : yield* allow(turn.sessionRules)
    if (refusal === "rules") yield* Effect.logWarning("The agent does not take its session's rules: it asks again.")
    // One that ends before it begins says so itself.
    yield* Effect.ignore(Effect.tryPromise(() => agent.begin()))
  })

  const inTime = <Refusal>(changing: Effect.Effect<Refusal>) =>
    Effect.timeoutOrElse(changing, {
      duration: changedWithinMillis,
      orElse: () => Effect.succeed("timed_out" as const)
    })

  const spent = Effect.tryPromise(() => agent.spent()).pipe(
    Effect.flatMap(decodeSpent),
    Effect.timeoutOption(spentWithinMillis),
    Effect.orElseSucceed(() => Option.none()),
    Effect.map(Option.getOrUndefined),
    Effect.map((answer): AgentSpent => ({
      num_turns: tally.turns,
      usage: tally.usage,
      total_cost_usd: answer?.session.total_cost_usd ?? null,
      model_usage: answer === undefined ? null : Record.map(answer.session.model_usage, modelUsageOf)
    }))
  )

  const abort = Effect.fnUntraced(function* (verdict: Verdict) {
    if (yield* judge(verdict)) agent.kill()
  })

  const warn = Effect.fnUntraced(function* (failure: TranscriptNotStored) {
    if (warned) return
    warned = true
    yield* Queue.offer(queue, { event: "warning", failure })
  })

  const onInit = Effect.fnUntraced(function* (message: unknown) {
    watch.ready = true
    agent.observation.ready()
    const init = decodeInit(message)
    const known = Result.isSuccess(init) ? Option.some(init.success) : decodeInitSession(message)
    if (Result.isFailure(init)) {
      yield* Queue.offer(queue, { event: "warning", failure: new InitParseFailed({ cause: init.failure }) })
    }
    if (Option.isSome(known) && known.value.session_id !== turn.sessionId) {
      const cause = `The agent works on session ${known.value.session_id}`
      return yield* abort({ _tag: "Failed", failure: new UuidTypeError({ field: "session_id", cause }) })
    }
    const data = Result.isSuccess(init) ? init.success : undefined
    const mode = data?.permissionMode
    const { mcpServers, ownMcpServers } = turn.equipment
    const unreadable = mcpServers
      .filter(({ connection, name }) => connection === null && ownMcpServers.includes(name))
      .map(({ name }) => ({ name, status: "failed" }))
    yield* Queue.offer(queue, {
      event: "init",
      data: {
        model: data?.model ?? turn.model,
        permission_mode: isPermissionMode(mode) ? mode : turn.permissionMode,
        tools: data?.tools ?? [],
        mcp_servers: [...(data?.mcp_servers ?? []).filter(({ name }) => name !== gateName), ...unreadable],
        commands: data?.slash_commands ?? []
      }
    })
    yield* Queue.offerAll(queue, [...opening, ...early])
  })

  const onMessage = Effect.fnUntraced(function* (message: unknown) {
    const name = nameOf(message)
    if (name === "system/mirror_error" || name === "system/session_writes_lost") {
      return yield* warn(new TranscriptNotStored({ cause: message }))
    }
    // The first result is the outcome; what comes after it is the process clearing up.
    if (result !== undefined) return
    if (name === "result") {
      result = decodeResult(message)
      agent.input.end()
      agent.process?.release()
      return yield* killLater
    }
    if (!watch.ready && name !== "system/init" && requests.expected.hasBegun) {
      yield* onInit(yield* earlyInit(turn, agent))
    }
    // Each turn has an init, and a turn is what one prompt begins: there is one.
    if (name === "system/init") return watch.ready ? undefined : yield* onInit(message)
    watch.see(name, message)
    if (name === "stream_event") tally.see(message)
    const events = eventsOf(name, message)
    if (Option.isNone(events)) {
      yield* Effect.logDebug(`The agent sent a message that is not known: ${name}.`)
      return yield* countUnknownMessage(name)
    }
    for (const event of [...events.value, ...todos.see(name, message)]) {
      if (event.event === "partial" && turn.options.include_partial_messages !== true) continue
      if (watch.ready) yield* Queue.offer(queue, event)
      else early.push(event)
    }
    const withdrawal = asking.withdrawal()
    if (withdrawal !== null) yield* Queue.offer(queue, withdrawal)
  })

  const forwardRequests = asking.next.pipe(
    Effect.flatMap((event) => Queue.offer(queue, event)),
    Effect.forever
  )

  const outcome = Effect.sync((): AgentOutcome => {
    const { verdict } = watch
    const decoded = result !== undefined && Result.isSuccess(result) ? result.success : undefined
    const told = decoded === undefined ? undefined : outcomeOf(decoded, facts())
    if (told?._tag === "Completed") return told
    if (verdict?._tag === "Interrupted") {
      return { _tag: "Interrupted", result: decoded === undefined ? unknownResult : resultOf(decoded) }
    }
    if (verdict !== undefined) return { ...verdict, result: decoded === undefined ? null : resultOf(decoded) }
    if (told !== undefined) return told
    if (result !== undefined && Result.isFailure(result)) {
      return { _tag: "Unreadable", failure: new ResultParseFailed({ cause: result.failure }) }
    }
    const failure = failureOfProcess(agent.process, thrown, {
      ready: watch.ready,
      cwd: turn.cwd,
      killsBefore
    })
    return { _tag: "Failed", failure, result: null }
  })

  const listen = Effect.gen(function* () {
    while (true) {
      const next = yield* Effect.result(Effect.tryPromise({ try: () => agent.next(), catch: (error) => error }))
      if (Result.isFailure(next)) thrown = next.failure
      if (Result.isFailure(next) || next.success === undefined) break
      yield* onMessage(next.success)
    }
    yield* agent.gone
    watch.over = true
    yield* transcript.settle.pipe(Effect.catch(warn))
    yield* Queue.offer(queue, { event: "end", outcome: yield* outcome })
    yield* Queue.end(queue)
  })

  const tick = Math.min(1000, Math.max(20, Math.min(settings.startTimeout, settings.modelIdleTimeout) / 10))

  const watchdog = Effect.gen(function* () {
    while (!watch.over) {
      yield* Effect.sleep(tick)
      const { process } = agent
      const now = performance.now()
      if (process?.heldBack === true || watch.toolRunning || agent.asking > 0 || asking.atWork.length > 0) continue
      if (!watch.ready) {
        if (now - started < settings.startTimeout) continue
        const failure =
          process?.foreign === true
            ? new AgentProtocolBroken({ cause: process.stderr })
            : new AgentStartTimedOut({ limit_ms: settings.startTimeout })
        yield* abort({ _tag: "Failed", failure })
      } else if (now - Math.max(process?.lastOutput ?? now, watch.quietUntil) > settings.modelIdleTimeout) {
        yield* stop({ _tag: "Failed", failure: new ModelSilent({ limit_ms: settings.modelIdleTimeout }) })
      }
    }
  })

  // Who still listens when the scope closes is told that there is nothing more.
  yield* Effect.addFinalizer(() => Queue.end(queue))
  yield* Effect.forkIn(begin, scope)
  yield* Effect.forkIn(listen, scope)
  yield* Effect.forkIn(watchdog, scope)
  yield* Effect.forkIn(forwardRequests, scope)

  return {
    events: Stream.fromQueue(queue),
    interrupt: stop({ _tag: "Interrupted" }),
    change: (asked) => inTime(change(asked)),
    allow: (rules) => inTime(allow(rules)),
    spent,
    waitsOnlyFor: (id) => asking.waitsOnlyFor(id),
    setAside: (id) => setAside(turn.transcript, id, watch.callerOf(id) ?? null),
    abandon: Effect.sync(() => agent.kill()),
    freeze: Effect.promise(async () => agent.process?.freeze()),
    thaw: Effect.sync(() => agent.process?.thaw())
  } satisfies RunningAgent
})
