import { Effect } from "effect"
import { Digest } from "effect/crypto"
import type { HttpServerRequest } from "effect/http"
import type { RunOptions } from "../domain/RunOptions.ts"
import { Settings } from "../domain/Settings.ts"
import type { Destination, RunRequest } from "../services/RunRequest.ts"
import { CurrentRecord } from "./RequestRecord.ts"

/** Most characters of a prompt in the log. */
const previewLength = 100

const encoder = new TextEncoder()

const pathOf = (url: string): string => url.replace(/[?#].*$/s, "")

/** Puts what a client asks for into the words of the service. */
export const makeRunRequests = Effect.gen(function* () {
  const settings = yield* Settings
  const digest = yield* Digest.Digest

  // Two requests are the same if their method, path and body are, byte for byte.
  const bodyHash = Effect.fn(function* (request: HttpServerRequest.HttpServerRequest) {
    const body = yield* Effect.orDie(request.text)
    const hashed = encoder.encode(`${request.method}\n${pathOf(request.url)}\n${body}`)
    return yield* digest.digestHex(Digest.sha256, hashed)
  })

  return Effect.fn(function* (
    request: HttpServerRequest.HttpServerRequest,
    idempotencyKey: string | undefined,
    destination: Destination,
    prompt: string,
    options: RunOptions
  ) {
    const record = yield* CurrentRecord
    if (settings.logPrompts) record.known.prompt_preview = prompt.slice(0, previewLength)
    const idempotency =
      idempotencyKey === undefined ? null : { key: idempotencyKey, body_hash: yield* bodyHash(request) }
    const asked: RunRequest = { destination, prompt, options, idempotency }
    return asked
  })
})
