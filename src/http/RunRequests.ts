import { Effect } from "effect"
import { Digest } from "effect/crypto"
import type { HttpServerRequest } from "effect/http"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { PromptImage } from "../domain/Image.ts"
import type { RequestedMcpServers } from "../domain/McpServer.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import type { RunSwitches } from "../domain/RunSwitches.ts"
import { Settings } from "../domain/Settings.ts"
import type { Destination, RunRequest } from "../services/RunRequest.ts"
import { CurrentRecord } from "./RequestRecord.ts"

/** Most characters of a prompt in the log. */
const previewLength = 100

/** What every request that starts a run has in its body. */
export interface RunPayload extends RunOptions, RunSwitches {
  readonly prompt: string
  readonly images?: ReadonlyArray<PromptImage>
  readonly mcp_servers?: RequestedMcpServers | null
}

const encoder = new TextEncoder()

const pathOf = (url: string): string => url.replace(/[?#].*$/s, "")

/** What makes two requests the same: their method, path and body, byte for byte. The body has been read by then. */
export const identityOf = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<string> =>
  Effect.map(Effect.orDie(request.text), (body) => `${request.method}\n${pathOf(request.url)}\n${body}`)

/** Puts what a client asks for into the words of the service. */
export const makeRunRequests = Effect.gen(function* () {
  const settings = yield* Settings
  const digest = yield* Digest.Digest

  /** `identity` is the same for requests that are, and is asked for where one has an Idempotency-Key. */
  return Effect.fn(function* (
    identity: Effect.Effect<string>,
    idempotencyKey: string | undefined,
    destination: Destination,
    {
      prompt,
      background = false,
      on_disconnect,
      on_busy = "reject",
      on_crash = "end",
      images = [],
      mcp_servers = null,
      ...options
    }: RunPayload
  ) {
    const record = yield* CurrentRecord
    if (settings.logPrompts) record.known.prompt_preview = prompt.slice(0, previewLength)
    // Whoever cannot find the run again must not be able to leave it behind.
    const isFindable = background || idempotencyKey !== undefined
    if (on_disconnect === "continue" && !isFindable) {
      return yield* new ValidationFailed({
        issues: [{ path: "body.on_disconnect", message: "continue needs background or an Idempotency-Key" }]
      })
    }
    const idempotency =
      idempotencyKey === undefined
        ? null
        : {
            key: idempotencyKey,
            body_hash: yield* digest.digestHex(Digest.sha256, encoder.encode(yield* identity))
          }
    const asked: RunRequest = {
      destination,
      prompt,
      options,
      images,
      mcp_servers,
      idempotency,
      background,
      on_disconnect: on_disconnect ?? (isFindable ? "continue" : "cancel"),
      on_busy,
      on_crash
    }
    return asked
  })
})
