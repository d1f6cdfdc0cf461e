import type { SDKUserMessage } from "@anthropic-ai/claude-agent-sdk"

/** The one prompt of a turn, and then an input that stays open until it is ended: without it nothing can be interrupted. */
export class TurnInput implements AsyncIterable<SDKUserMessage> {
  readonly #prompt: string
  readonly #ended: Promise<void>
  #end: () => void = () => {}

  constructor(prompt: string) {
    this.#prompt = prompt
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SDKUserMessage, void> {
    yield { type: "user", message: { role: "user", content: this.#prompt }, parent_tool_use_id: null }
    await this.#ended
  }

  /** Lets the agent's process end once its turn is over. */
  end(): void {
    this.#end()
  }
}
