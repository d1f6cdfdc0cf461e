import type { SDKUserMessage } from "@anthropic-ai/claude-agent-sdk"
import type { LoadedImage } from "../domain/Image.ts"

const imageBlock = ({ data, media_type }: LoadedImage) => ({
  type: "image" as const,
  source: { type: "base64" as const, media_type, data }
})

/** The one prompt of a turn, if it begins with one, and then an input that stays open until it is ended: without it nothing can be interrupted. */
export class TurnInput implements AsyncIterable<SDKUserMessage> {
  readonly #content: SDKUserMessage["message"]["content"] | null
  readonly #begun: Promise<boolean>
  readonly #ended: Promise<void>
  #begin: (prompted: boolean) => void = () => {}
  #end: () => void = () => {}

  constructor(prompt: string | null, images: ReadonlyArray<LoadedImage>) {
    this.#content =
      prompt === null || images.length === 0 ? prompt : [...images.map(imageBlock), { type: "text", text: prompt }]
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve
    })
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SDKUserMessage, void> {
    if ((await this.#begun) && this.#content !== null) {
      yield { type: "user", message: { role: "user", content: this.#content }, parent_tool_use_id: null }
    }
    await this.#ended
  }

  /** Gives the agent its prompt. */
  begin(): void {
    this.#begin(true)
  }

  /** Lets the agent's process end once its turn is over. */
  end(): void {
    this.#begin(false)
    this.#end()
  }
}
