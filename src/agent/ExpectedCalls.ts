import { Equal } from "effect"
import type { BegunTurn } from "./AgentRuntime.ts"
import { sendingTool } from "./SuspendedSubagent.ts"

/** A tool call as the SDK's callbacks show it. */
export interface SeenCall {
  readonly id: string
  readonly tool: string
  readonly input: unknown
  /** Which subagent makes it; undefined for the main agent. */
  readonly agent: string | undefined
}

/** Tells the calls with which a turn goes on from all others. */
export class ExpectedCalls {
  readonly #turn: Pick<BegunTurn, "options" | "suspendedCall" | "suspendedSubagent">
  #begun = false
  /** The call that a subagent has made in place of the one that was decided about. */
  #again: string | undefined

  constructor(turn: Pick<BegunTurn, "options" | "suspendedCall" | "suspendedSubagent">) {
    this.#turn = turn
  }

  /** Whether the turn's first call has begun that brings a subagent back. */
  get hasBegun(): boolean {
    return this.#begun
  }

  /** Whether the subagent has made its call again. */
  get hasCalledAgain(): boolean {
    return this.#again !== undefined
  }

  /** The id under which somebody was asked about this call before; null if nobody was. */
  askedAs({ agent, id, input, tool }: SeenCall): string | null {
    const { suspendedCall: asked, suspendedSubagent: subagent } = this.#turn
    if (asked === null) return null
    if (subagent === null) return id === asked.tool_use_id ? id : null
    const isSame = agent === subagent.agentId && tool === asked.tool_name && Equal.equals(input, asked.input)
    if (isSame) this.#again ??= id
    return this.#again === id ? asked.tool_use_id : null
  }

  /** Whether hooks need not be asked: they were, or it is the call that brings a subagent back. */
  isSettled(call: SeenCall): boolean {
    return this.#bringsBack(call) || this.askedAs(call) !== null
  }

  /** What is decided of a call before anybody else is asked; null for those that are as any other. */
  decide(call: SeenCall): "allow" | "ask" | "deny" | null {
    if (this.#bringsBack(call)) {
      this.#begun = true
      return "allow"
    }
    const { options, suspendedSubagent } = this.#turn
    // It is there for that one call.
    const isOffered = options.tools?.includes(sendingTool) === true
    if (suspendedSubagent !== null && call.tool === sendingTool && !isOffered) return "deny"
    // Whatever is allowed otherwise: somebody has decided, and is heard when it asks.
    return this.askedAs(call) === null ? null : "ask"
  }

  #bringsBack({ id }: SeenCall): boolean {
    return id === this.#turn.suspendedSubagent?.calledBy
  }
}
