import { ByteSize, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpServerError, HttpServerRequest } from "effect/http"
import { RequestBody } from "../api/RequestBody.ts"
import { PayloadTooLarge, UnsupportedMediaType, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { bodyIssue } from "./BodyText.ts"
import { carriesBody } from "./UnreadBody.ts"

const expected = "application/json"
const json = /^application\/json *(?:; *charset *= *"?utf-8"? *)?$/i

/** Whether the headers say that the body is JSON as it is; without a type it is taken for JSON. */
const isJson = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  json.test(headers["content-type"] ?? expected) && (headers["content-encoding"] ?? "identity") === "identity"

const tooLarge = (limit: number) => Effect.fail(new PayloadTooLarge({ limit_bytes: limit }))

const isOverflow = ({ reason }: HttpServerError.HttpServerError): boolean =>
  reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"

/** Reads the body, which the request then keeps. */
const read = (request: HttpServerRequest.HttpServerRequest, limit: number) =>
  Effect.all([request.text, request.arrayBuffer]).pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.fromInputUnsafe(limit)),
    // The connection broke: whoever handles it interrupts this request.
    Effect.catch((error) => (isOverflow(error) ? tooLarge(limit) : Effect.never))
  )

const check = ([text, bytes]: readonly [string, ArrayBuffer]): Effect.Effect<void, ValidationFailed> => {
  const issue = bodyIssue(text, () => new Uint8Array(bytes))
  return issue === undefined ? Effect.void : Effect.fail(new ValidationFailed({ issues: [issue] }))
}

const admit = (request: HttpServerRequest.HttpServerRequest, limit: number, isExpected: boolean) =>
  Effect.gen(function* () {
    const carries = carriesBody(request)
    if (carries && Number(request.headers["content-length"]) > limit) return yield* tooLarge(limit)
    // An endpoint that takes a body looks at the type even where the body is missing.
    if ((carries || isExpected) && !isJson(request)) return yield* new UnsupportedMediaType({ expected })
    if (carries) yield* check(yield* read(request, limit))
  })

/** Reads the body of a request within the limit, and refuses what is no JSON text. */
export const requestBodyLayer = (limit: number): Layer.Layer<RequestBody> =>
  Layer.succeed(RequestBody, (httpEffect, { endpoint }) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.andThen(admit(request, limit, endpoint.payload.size > 0), httpEffect)
    )
  )
