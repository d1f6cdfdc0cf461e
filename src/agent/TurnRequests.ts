import { Effect, Queue, Schedule } from "effect"
import type { AgentEvent } from "../domain/Agent.ts"
import type { BegunTurn } from "./AgentRuntime.ts"
import type { ToolRequests } from "./ToolRequests.ts"
import type { TranscriptStore } from "./TranscriptStore.ts"
import type { TurnWatch } from "./TurnWatch.ts"

/** How long a request waits for the message that it is about, and how often that is looked for. */
const seenWithinMillis = 2000
const seenCheckEvery = 10

/** What a turn asks people, in the light of what it has said and stored. */
export class TurnRequests {
  readonly #turn: BegunTurn
  readonly #requests: ToolRequests
  readonly #watch: TurnWatch
  readonly #transcript: TranscriptStore
  #withdrawn = false

  constructor(turn: BegunTurn, requests: ToolRequests, watch: TurnWatch, transcript: TranscriptStore) {
    this.#turn = turn
    this.#requests = requests
    this.#watch = watch
    this.#transcript = transcript
  }

  /** The tool calls that have begun and have no result yet. */
  get atWork(): ReadonlyArray<string> {
    return [...this.#requests.begun].filter((id) => !this.#watch.isDone(id))
  }

  /** Whether nothing is at work but this call, which is being decided, and the subagent that makes it. */
  waitsOnlyFor(id: string): boolean {
    const { deciding } = this.#requests
    return (
      deciding.has(id) &&
      this.#transcript.hasCall(id) &&
      this.atWork.every((one) => deciding.has(one) || one === this.#watch.callerOf(id))
    )
  }

  /**
   * The next request. The SDK asks as soon as it reads, while the message with the call may still wait to be taken, and
   * to be stored. What is asked must be in the conversation that another process would go on with.
   */
  readonly next: Effect.Effect<AgentEvent> = Effect.suspend(() => Queue.take(this.#requests.open)).pipe(
    Effect.tap(({ request }) =>
      Effect.sync(() => this.#isKnown(request.call)).pipe(
        Effect.repeat({ until: (known) => known, schedule: Schedule.spaced(seenCheckEvery) }),
        Effect.timeoutOption(seenWithinMillis)
      )
    ),
    Effect.map(({ decision, request: { call, isOfSubagent, ...request } }) => {
      const endsWithProcess = isOfSubagent && !this.#isOfMainsSubagent(call)
      return { event: "request", request: { ...request, endsWithProcess }, decision }
    })
  )

  /** Says that a subagent that was brought back has come to its end without the call that was decided about; once. */
  withdrawal(): AgentEvent | null {
    const { suspendedCall: asked, suspendedSubagent: subagent } = this.#turn
    if (asked === null || subagent === null || this.#withdrawn) return null
    if (!this.#watch.isDone(subagent.calledBy) || this.#requests.expected.hasCalledAgain) return null
    this.#withdrawn = true
    return { event: "request_withdrawn", tool_use_id: asked.tool_use_id }
  }

  #isKnown(id: string): boolean {
    if (id === this.#turn.suspendedCall?.tool_use_id) return true
    return this.#isStored(id) && this.#isStored(this.#watch.callerOf(id) ?? id)
  }

  #isStored(id: string): boolean {
    return this.#isOfEarlierProcess(id) || (this.#watch.hasSeen(id) && this.#transcript.hasCall(id))
  }

  #isOfMainsSubagent(id: string): boolean {
    const caller = this.#watch.callerOf(id)
    return typeof caller === "string" && (this.#isOfEarlierProcess(caller) || this.#watch.callsSubagent(caller))
  }

  /** Whether this is the call that a subagent works for which was brought back. */
  #isOfEarlierProcess(id: string): boolean {
    return id === this.#turn.suspendedSubagent?.calledBy
  }
}
