import { Option, Predicate, Schema } from "effect"
import { addUsage, type Usage } from "../domain/Run.ts"
import { usageOf } from "./EventMapping.ts"
import { SdkMessageDelta, SdkMessageStart } from "./SdkMessages.ts"

const readStart = Schema.decodeUnknownOption(SdkMessageStart)
const readDelta = Schema.decodeUnknownOption(SdkMessageDelta)

const none: Usage = { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }

const isOf = (message: unknown, type: string): boolean =>
  Predicate.hasProperty(message, "event") && Predicate.hasProperty(message.event, "type") && message.event.type === type

/**
 * The main agent's turns and tokens so far, as its result will give them: an agent that is let go before its end has no
 * result. The counts of `message_delta` are cumulative
 * (https://docs.claude.com/en/docs/build-with-claude/streaming#event-types).
 */
export class TurnTally {
  turns = 0
  #finished: Usage = none
  #current: Usage = none

  get usage(): Usage {
    return addUsage(this.#finished, this.#current)
  }

  /** Sees one `stream_event`. */
  see(message: unknown): void {
    if (isOf(message, "message_start")) {
      const start = Option.getOrUndefined(readStart(message))
      if (start === undefined || start.parent_tool_use_id != null) return
      this.turns += 1
      this.#finished = this.usage
      this.#current = usageOf(start.event.message.usage)
    } else if (isOf(message, "message_delta")) {
      const delta = Option.getOrUndefined(readDelta(message))
      if (delta === undefined || delta.parent_tool_use_id != null) return
      const counted = usageOf(delta.event.usage)
      this.#current = {
        input_tokens: counted.input_tokens || this.#current.input_tokens,
        output_tokens: counted.output_tokens || this.#current.output_tokens,
        cache_read_input_tokens: counted.cache_read_input_tokens || this.#current.cache_read_input_tokens,
        cache_creation_input_tokens: counted.cache_creation_input_tokens || this.#current.cache_creation_input_tokens
      }
    }
  }
}
