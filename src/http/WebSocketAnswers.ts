import { Cause, Effect, Metric, References } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type { Failure } from "../domain/errors/catalogue.ts"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import { Forbidden, Internal, RateLimited } from "../domain/errors/RequestErrors.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { RateLimits } from "../services/RateLimits.ts"
import { report, reportBug } from "./Failures.ts"
import { CurrentRecord, RequestRecord } from "./RequestRecord.ts"
import { type Conversation, makeCommands, type Taken } from "./WebSocketCommands.ts"
import { ackText, errorText, frameTypes, readFrame, type ReceivedFrame } from "./WebSocketFrames.ts"
import type { Subscriptions } from "./WebSocketSubscriptions.ts"
import type { Wire } from "./WebSocketWire.ts"

/** What stands for the method of a frame on log lines. */
const method = "WS"

const frames = Metric.counter("websocket_frames_total", {
  description: "Frames from WebSocket clients, by type, and whether they were taken",
  incremental: true
})

const countOf = (type: string, result: "taken" | "refused") => Metric.withAttributes(frames, { type, result })

/** Whose frames they are, and where replies and events go. */
export interface Speaker {
  readonly principal: Principal
  /** The path's template, for log lines. */
  readonly route: string
  readonly wire: Wire
  readonly subscriptions: Subscriptions
  readonly conversation: Conversation
}

/** Has log lines and failures carry the id of a frame and its sender. */
const under = ({ principal, route }: Speaker, requestId: string) => {
  const record = new RequestRecord(requestId, method)
  record.enter(route)
  record.identify(principal)
  return <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(CurrentRecord, record),
      Effect.provideService(CurrentRequest, record),
      Effect.provideService(References.CurrentLogAnnotations, record.logAnnotations)
    )
}

const say = Effect.fnUntraced(function* (wire: Wire, failure: Failure) {
  const { requestId } = yield* CurrentRecord
  yield* wire.send(errorText(toErrorObject(failure, requestId)))
})

const refuse = Effect.fnUntraced(function* (wire: Wire, failure: Failure) {
  yield* report(failure, yield* CurrentRecord)
  yield* say(wire, failure)
})

/** Logs and counts a failure that is no single frame's, and says it if that can still be done. */
export const refuseConnection = (speaker: Speaker, requestId: string, failure: Failure): Effect.Effect<void> =>
  under(speaker, requestId)(refuse(speaker.wire, failure))

/** Makes what answers frames: each gets one `ack` or one `error`. */
export const makeAnswers = Effect.gen(function* () {
  const keys = yield* ApiKeys
  const rates = yield* RateLimits
  const obey = yield* makeCommands
  for (const type of [...frameTypes, "unknown"]) yield* Metric.value(countOf(type, "taken"))

  const take = Effect.fnUntraced(function* (speaker: Speaker, { decoded, type }: ReceivedFrame) {
    const { subscriptions, wire } = speaker
    const { requestId } = yield* CurrentRecord
    // A key that was revoked since opens nothing more.
    const principal = yield* keys.confirm(speaker.principal)
    if (!principal.has("query")) return yield* new Forbidden({ scope: "query" })
    const { wait } = yield* rates.count(principal.tenant_id, type === "prompt")
    if (wait !== null) return yield* new RateLimited({ retry_after_seconds: wait })
    const { ack, followed }: Taken = yield* obey(yield* decoded, speaker.conversation, principal)
    yield* wire.send(ackText({ ...ack, request_id: requestId }))
    if (followed !== undefined) yield* subscriptions.follow(followed)
  })

  return Effect.fnUntraced(function* (speaker: Speaker, text: string) {
    const { wire } = speaker
    const received = yield* readFrame(text)
    const type = received.type ?? "unknown"
    const refused = (failure: Failure) =>
      Effect.andThen(refuse(wire, failure), Metric.update(countOf(type, "refused"), 1))
    const broken = Effect.fnUntraced(function* (defect: unknown) {
      yield* reportBug(Cause.die(defect), yield* CurrentRecord)
      yield* say(wire, new Internal())
    })
    yield* take(speaker, received).pipe(
      Effect.andThen(Metric.update(countOf(type, "taken"), 1)),
      Effect.catchTag("Unauthorized", (failure) =>
        Effect.andThen(refused(failure), wire.close(4001, "the API key opens nothing any more"))
      ),
      Effect.catch(refused),
      Effect.catchDefect(broken),
      under(speaker, received.requestId)
    )
  })
})
