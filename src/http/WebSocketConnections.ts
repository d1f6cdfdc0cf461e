import { Deferred, Effect, Schedule, type Scope, Semaphore } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import type { Failure } from "../domain/errors/catalogue.ts"
import { PayloadTooLarge, RequestMalformed, UnsupportedMediaType } from "../domain/errors/RequestErrors.ts"
import { Admission } from "../services/Admission.ts"
import { requestIdOf } from "./RequestId.ts"
import { CurrentRecord } from "./RequestRecord.ts"
import { makeAnswers, refuseConnection, type Speaker } from "./WebSocketAnswers.ts"
import { stoppingText } from "./WebSocketFrames.ts"
import { makeSubscriptions } from "./WebSocketSubscriptions.ts"
import type { Wire } from "./WebSocketWire.ts"

/** Frames of one connection that are handled at once; the next is read when one of them is done. */
const mostAtOnce = 16

/** How often it is looked whether the instance stops, in milliseconds. */
const stopCheckEvery = 500

/** An open WebSocket. */
interface Connection extends Speaker {
  readonly places: Semaphore.Semaphore
  /** Frames that are being handled. */
  busy: number
  /** Done when the client is to go elsewhere. */
  readonly sentAway: Deferred.Deferred<void>
}

/** What ends a connection from our side. */
interface Breach {
  readonly failure: Failure
  /** The close code (RFC 6455, section 7.4.1); null where the connection is closing already. */
  readonly code: number | null
}

/** Makes what serves open WebSockets to their ends. */
export const makeConnections = Effect.fnUntraced(function* (maxFrameBytes: number) {
  const admission = yield* Admission
  const answer = yield* makeAnswers
  const open = new Set<Connection>()

  // One look for all connections: a timer for each would be much of what an idle one costs.
  const sendAway = Effect.gen(function* () {
    if (!(yield* admission.isShut)) return
    for (const { busy, sentAway, subscriptions } of open) {
      if (busy === 0 && (yield* subscriptions.size) === 0) yield* Deferred.succeed(sentAway, undefined)
    }
  })
  yield* Effect.forkScoped(Effect.schedule(sendAway, Schedule.spaced(stopCheckEvery)))

  const tooLarge = () => new PayloadTooLarge({ limit_bytes: maxFrameBytes })

  const breachOf = (message: string | Uint8Array): Breach | null => {
    if (typeof message !== "string") {
      return { failure: new UnsupportedMediaType({ expected: "JSON in a text frame" }), code: 1003 }
    }
    return Buffer.byteLength(message) > maxFrameBytes ? { failure: tooLarge(), code: 1009 } : null
  }

  /** Handles frames until the client leaves, which is null, or breaks the rules. */
  const listen = Effect.fnUntraced(function* (connection: Connection) {
    const { places, wire } = connection
    const done = Effect.andThen(
      Effect.sync(() => (connection.busy -= 1)),
      Semaphore.release(places, 1)
    )
    const hear = Effect.gen(function* () {
      for (;;) {
        for (const message of yield* wire.receive) {
          const breach = breachOf(message)
          if (breach !== null || typeof message !== "string") return breach
          yield* Semaphore.take(places, 1)
          connection.busy += 1
          yield* Effect.forkScoped(Effect.ensuring(answer(connection, message), done))
        }
      }
    })
    return yield* hear.pipe(
      Effect.catch((ending) => {
        if (ending._tag === "Closed") return Effect.succeed(null)
        const breach: Breach = { failure: ending.code === 1009 ? tooLarge() : new RequestMalformed(), code: null }
        return Effect.succeed(breach)
      })
    )
  })

  /** Serves a connection until it is over. */
  return Effect.fn("webSocket.serve")(function* (
    principal: Principal,
    wire: Wire
  ): Effect.fn.Return<void, never, Scope.Scope> {
    const { route } = yield* CurrentRecord
    const subscriptions = yield* makeSubscriptions(wire)
    const connection: Connection = {
      principal,
      route,
      wire,
      subscriptions,
      conversation: { subscriptions, session: undefined },
      places: yield* Semaphore.make(mostAtOnce),
      busy: 0,
      sentAway: yield* Deferred.make<void>()
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => open.add(connection)),
      () => Effect.sync(() => open.delete(connection))
    )
    const away = Effect.as(Deferred.await(connection.sentAway), "away" as const)
    const end = yield* Effect.raceFirst(listen(connection), away)
    if (end === "away") {
      yield* wire.send(stoppingText)
      return yield* wire.close(1001, "this instance stops")
    }
    if (end === null) return
    yield* refuseConnection(connection, requestIdOf(undefined), end.failure)
    if (end.code !== null) yield* wire.close(end.code, end.failure.message)
  })
})
