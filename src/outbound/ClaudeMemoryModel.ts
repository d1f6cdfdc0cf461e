import Anthropic, { APIConnectionError, APIConnectionTimeoutError, APIUserAbortError } from "@anthropic-ai/sdk"
import { Effect, Layer, Redacted } from "effect"
import { MemoryModelFailed, MemoryModelMissing } from "../domain/errors/MemoryErrors.ts"
import { MemoryModel, type MemoryModelAnswer, type MemoryModelRequest } from "./MemoryModel.ts"
import { costOf, type ModelPrice, priceOf } from "./ModelPrices.ts"

/** Which model it is and how it is reached. */
export interface MemoryModelSettings {
  /** Undefined: nothing is learned. */
  readonly model: string | undefined
  readonly apiKey: Redacted.Redacted | undefined
  readonly baseUrl: string | undefined
  /** Longest answer, in milliseconds. */
  readonly timeout: number
  /** Instead of the list price. */
  readonly price: ModelPrice | undefined
}

/** Names that the agent's program knows and the Messages API does not. */
const aliases: Readonly<Record<string, string>> = {
  haiku: "claude-haiku-5-5",
  sonnet: "claude-sonnet-5-5",
  opus: "claude-opus-5-5"
}

const mostTokens = 4096

const reasonOf = (cause: unknown): MemoryModelFailed["reason"] => {
  if (cause instanceof APIConnectionTimeoutError || cause instanceof APIUserAbortError) return "timeout"
  if (cause instanceof APIConnectionError) return "unreachable"
  return cause instanceof SyntaxError ? "nonsense" : "refused"
}

const parse = (message: Anthropic.Message): unknown => {
  const text = message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("")
  try {
    return JSON.parse(text) as unknown
  } catch {
    // It is undefined then, which fits no schema; what it cost still counts.
    return undefined
  }
}

const asking = (settings: MemoryModelSettings, named: string) => {
  const model = aliases[named] ?? named
  const price = settings.price ?? priceOf(model)
  const client = new Anthropic({
    apiKey: settings.apiKey === undefined ? null : Redacted.value(settings.apiKey),
    authToken: null,
    ...(settings.baseUrl === undefined ? {} : { baseURL: settings.baseUrl }),
    timeout: settings.timeout,
    // What fails is tried again later, by whoever asked.
    maxRetries: 0
  })

  return ({ prompt, schema, system }: MemoryModelRequest): Effect.Effect<MemoryModelAnswer, MemoryModelFailed> =>
    Effect.tryPromise({
      try: (signal) =>
        client.messages.create(
          {
            model,
            max_tokens: mostTokens,
            system,
            messages: [{ role: "user", content: prompt }],
            output_config: { format: { type: "json_schema", schema } }
          },
          { signal }
        ),
      catch: (cause) => new MemoryModelFailed({ reason: reasonOf(cause), cause })
    }).pipe(
      // The client's own limit is for the head of an answer; this one is for all of it.
      Effect.timeoutOrElse({
        duration: settings.timeout,
        orElse: () => Effect.fail(new MemoryModelFailed({ reason: "timeout" }))
      }),
      Effect.flatMap((message) =>
        typeof message === "object" && Array.isArray(message.content)
          ? Effect.succeed({ value: parse(message), cost_usd: price === null ? null : costOf(price, message.usage) })
          : Effect.fail(new MemoryModelFailed({ reason: "nonsense" }))
      )
    )
}

/** A model of the Messages API, through the official client. */
export const layer = (settings: MemoryModelSettings): Layer.Layer<MemoryModel> => {
  const { model } = settings
  return Layer.sync(MemoryModel, () =>
    model === undefined
      ? { configured: false, ask: () => Effect.fail(new MemoryModelMissing()) }
      : { configured: true, ask: asking(settings, model) }
  )
}
