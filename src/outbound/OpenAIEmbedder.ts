import { Effect, Layer, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { EmbedderFailed } from "../domain/errors/MemoryErrors.ts"
import { Embedder, type Embedding } from "./Embedder.ts"

/** Which embedder it is and how it is reached. */
export interface EmbedderSettings {
  /** What stands before `/embeddings`; undefined: none is used. */
  readonly url: string | undefined
  readonly model: string
  readonly apiKey: Redacted.Redacted | undefined
  /** Longest wait for the embedding of a question, in milliseconds. */
  readonly questionLimit: number
}

/** Longest text that is embedded, in characters: what follows changes little, and models have their limits. */
const longestText = 8000

const Answer = Schema.Struct({
  data: Schema.Array(
    Schema.Struct({ index: Schema.Int, embedding: Schema.Array(Schema.Finite).check(Schema.isMinLength(1)) })
  )
})

const normalised = (embedding: Embedding): Embedding => {
  const length = Math.hypot(...embedding)
  return length === 0 ? embedding : embedding.map((part) => part / length)
}

const read = HttpClientResponse.schemaJson(Schema.Struct({ body: Answer }))

const failed = (reason: EmbedderFailed["reason"]) => (cause: unknown) => new EmbedderFailed({ reason, cause })

/** Any service that speaks `POST …/embeddings` as OpenAI does. */
export const layer = ({ apiKey, model, questionLimit, url }: EmbedderSettings): Layer.Layer<Embedder> =>
  url === undefined
    ? Layer.succeed(Embedder, null)
    : Layer.effect(
        Embedder,
        Effect.map(HttpClient.HttpClient, (client) => {
          const address = `${url.replace(/\/+$/, "")}/embeddings`

          const ask = Effect.fnUntraced(function* (input: ReadonlyArray<string>) {
            const request = HttpClientRequest.post(address).pipe(
              HttpClientRequest.bodyJsonUnsafe({
                model,
                input: input.map((text) => text.slice(0, longestText)),
                encoding_format: "float"
              }),
              apiKey === undefined ? (same) => same : HttpClientRequest.bearerToken(apiKey)
            )
            const response = yield* Effect.mapError(client.execute(request), failed("unreachable"))
            if (response.status !== 200) return yield* failed("refused")(new Error(`status ${response.status}`))
            const { body } = yield* Effect.mapError(read(response), failed("nonsense"))
            const ordered = body.data.toSorted((one, other) => one.index - other.index)
            const whole = ordered.length === input.length && ordered.every(({ index }, place) => index === place)
            if (!whole) return yield* failed("nonsense")(new Error(`${ordered.length} of ${input.length} embeddings`))
            return ordered.map(({ embedding }) => normalised(embedding))
          })

          return {
            model,
            questionLimit,
            embed: (texts, limit) =>
              texts.length === 0
                ? Effect.succeed([])
                : ask(texts).pipe(
                    Effect.timeoutOrElse({
                      duration: limit,
                      orElse: () => Effect.fail(failed("timeout")(new Error(`no answer within ${limit} ms`)))
                    })
                  )
          }
        })
      ).pipe(Layer.provide(FetchHttpClient.layer))
