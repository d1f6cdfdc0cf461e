import { Deferred, Effect, type Scope } from "effect"
import type { AgentTurn } from "../agent/AgentRuntime.ts"
import type { AgentEvent, AgentOutcome } from "../domain/Agent.ts"
import type { LoadedImage } from "../domain/Image.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"
import type { RunId } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import { reportFailure } from "./FailureReport.ts"
import type { RunApprovals } from "./RunApprovals.ts"
import type { RunAssignment } from "./RunAssignment.ts"
import { measureFirstToken } from "./RunMetrics.ts"
import { makeTelling } from "./RunTelling.ts"
import type { Keeping } from "./WorkspaceKeeping.ts"

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

/** What becomes of an agent's words beside being written down. */
export interface ListenerOptions {
  /** What was kept of the workspace before the agent began. */
  readonly kept: Keeping | null
  /** Lets the next agent start. */
  readonly endStart: Effect.Effect<void>
  /** Completed when readers can read the run. */
  readonly readable: Deferred.Deferred<void>
  /** Has people asked about tool calls. */
  readonly approvals: RunApprovals
  /** Says what the agent's end means for the run. */
  readonly judge: (outcome: AgentOutcome) => AgentOutcome
}

/** Makes what listens to the agent of a run: what it says is written down, until it says how it ended. */
export const makeRunListener = Effect.fnUntraced(function* (
  order: RunAssignment,
  { approvals, endStart, judge, kept, readable }: ListenerOptions
) {
  const scope: Scope.Scope = yield* Effect.scope
  const accepted = (yield* CurrentRequest)?.startedAt ?? performance.now()
  const { lease, turn } = order
  const { tell, warn } = makeTelling(order)
  const outcome = yield* Deferred.make<AgentOutcome>()
  let isSilent = true
  let transcriptComplete = true

  const begin = Effect.gen(function* () {
    yield* endStart
    yield* Deferred.succeed(readable, undefined)
  })

  const handle = Effect.fnUntraced(function* (event: AgentEvent) {
    switch (event.event) {
      case "init":
        yield* tell({ event: "init", data: { session_id: lease.session_id, run_id: lease.run_id, ...event.data } })
        if (!order.promptIsLogged) yield* tell(promptMessage(lease.run_id, turn))
        if (kept !== null) {
          const data = { action: "taken", checkpoint_id: lease.run_id, restore: null, ...kept } as const
          yield* tell({ event: "checkpoint", data })
        }
        yield* order.onInit
        return yield* begin
      case "request":
        // It goes on with this call, and is ready only after it.
        if (event.request.tool_use_id === order.answered?.tool_use_id) yield* begin
        // It may wait for long, and the agent may have more to say meanwhile.
        return yield* Effect.forkIn(approvals.ask(event.request, event.decision), scope)
      case "request_withdrawn":
        return yield* approvals.withdraw(event.tool_use_id)
      case "warning":
        if (event.failure._tag === "InitParseFailed") return yield* reportFailure(event.failure, order.fields)
        transcriptComplete = false
        return yield* warn(event.failure)
      case "end":
        return yield* Deferred.succeed(outcome, judge(event.outcome))
      default:
        if (isSilent && (event.event === "partial" || event.event === "message")) {
          isSilent = false
          yield* measureFirstToken(accepted)
        }
        yield* tell(event)
    }
  })

  return {
    handle: (event: AgentEvent): Effect.Effect<void> => Effect.asVoid(handle(event)),
    /** Completed with how the run ends by its agent. */
    outcome,
    isTranscriptComplete: () => transcriptComplete
  }
})
