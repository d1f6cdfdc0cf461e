import { Effect, Metric, type Scope } from "effect"
import type { AgentProcess } from "./AgentProcess.ts"
import type { AgentTurn } from "./AgentRuntime.ts"

const processes = Metric.gauge("agent_processes", { description: "Processes of agents that live" })

const starts = Metric.histogram("agent_start_seconds", {
  description: "Time from the start of an agent's process to its init",
  boundaries: [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60]
})

const unknownMessages = Metric.counter("agent_unknown_messages_total", {
  description:
    "Messages of the Claude Agent SDK that Causeway does not know or cannot read, by the SDK's name for them",
  incremental: true
})

const maxUnknown = 50
const unknownNames = new Set<string>()

/** Counts a message under its own name, as long as there are few such names: what is no agent may say anything. */
export const countUnknownMessage = (name: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (unknownNames.size < maxUnknown && /^[a-z_/]{1,60}$/.test(name)) unknownNames.add(name)
    const type = unknownNames.has(name) ? name : "other"
    return Metric.update(Metric.withAttributes(unknownMessages, { type }), 1)
  })

/** Makes the metrics of agents exist before there is one. */
export const registerAgentMetrics: Effect.Effect<void> = Effect.gen(function* () {
  yield* Metric.value(processes)
  yield* Metric.value(starts)
  yield* Metric.value(unknownMessages)
})

/** What operators learn of one agent. */
export interface AgentObservation {
  /** W3C trace context for the agent's environment; undefined when nothing is traced. */
  readonly traceparent: string | undefined
  /** Its process has been started. */
  readonly spawned: (process: AgentProcess) => void
  /** It has said `init`. */
  readonly ready: () => void
}

/** Observes an agent until the scope closes: it is in the metrics, and its whole life is a span of the current trace. */
export const observeAgent: (turn: AgentTurn) => Effect.Effect<AgentObservation, never, Scope.Scope> = Effect.fnUntraced(
  function* ({ model, sessionId, tenantId }) {
    const context = yield* Effect.context<never>()
    const span = yield* Effect.makeSpanScoped("agent.process", {
      kind: "client",
      attributes: { session_id: sessionId, tenant_id: tenantId, model }
    })
    let since = performance.now()
    return {
      traceparent: span.sampled ? `00-${span.traceId.padStart(32, "0")}-${span.spanId}-01` : undefined,
      spawned: (process) => {
        since = performance.now()
        if (process.pid === undefined) return
        span.attribute("process.pid", process.pid)
        processes.modifyUnsafe(1, context)
        process.once("exit", () => processes.modifyUnsafe(-1, context))
      },
      ready: () => {
        const seconds = (performance.now() - since) / 1000
        starts.updateUnsafe(seconds, context)
        span.attribute("agent.start_seconds", seconds)
      }
    }
  }
)
