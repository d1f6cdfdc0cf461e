import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Effect, Predicate, type Scope } from "effect"
import type { HttpServerRequest } from "effect/http"
import { Socket } from "effect/socket"
import type { Outlet } from "./OpenStreams.ts"

/** Milliseconds that a client has to answer our close before its connection is taken away. */
const closingTime = 1000

// RFC 6455, section 5.5.2: a ping without a payload. What is written to the connection are whole frames, so that it
// falls between two of them.
const ping = Uint8Array.of(0x89, 0x00)

/** Why the client's side is over. */
export type Ending =
  | { readonly _tag: "Closed" }
  /** The library has closed the connection already, with this code, for what the client sent. */
  | { readonly _tag: "Refused"; readonly code: 1002 | 1007 | 1009 }

/** A WebSocket with a bound to what waits to be sent. */
export interface Wire {
  readonly outlet: Outlet
  /** Frames as they come; a Uint8Array is a binary one. */
  readonly receive: Effect.Effect<ReadonlyArray<string | Uint8Array>, Ending>
  /** Sends a text frame when the connection can take one; does nothing where it is gone. */
  send(text: string): Effect.Effect<void>
  close(code: number, reason: string): Effect.Effect<void>
}

const endingOf = ({ reason }: Socket.SocketError): Ending => {
  const event = reason._tag === "SocketReadError" ? reason.cause : undefined
  const error = Predicate.hasProperty(event, "error") ? event.error : undefined
  switch (Predicate.hasProperty(error, "code") ? error.code : undefined) {
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
      return { _tag: "Refused", code: 1009 }
    case "WS_ERR_INVALID_UTF8":
      return { _tag: "Refused", code: 1007 }
    case undefined:
      return { _tag: "Closed" }
    default:
      return { _tag: "Refused", code: 1002 }
  }
}

/** Makes a request's connection a WebSocket until the scope closes. */
export const openWire = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest,
  socket: Socket.Socket
): Effect.fn.Return<Wire, Socket.SocketError, Scope.Scope> {
  const connection = NodeHttpServerRequest.toIncomingMessage(request).socket

  // The library waits half a minute for the client's close, and the end of the server would wait for it.
  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      if (connection.destroyed) return resume(Effect.void)
      connection.once("close", () => resume(Effect.void))
    }).pipe(Effect.timeoutOption(closingTime), Effect.andThen(Effect.sync(() => connection.destroy())))
  )
  const reader = yield* socket.reader
  const writer = yield* socket.writer

  const room = Effect.callback<void>((resume) => {
    if (!connection.writableNeedDrain || connection.destroyed) return resume(Effect.void)
    const done = () => resume(Effect.void)
    connection.once("drain", done).once("close", done)
    return Effect.sync(() => connection.off("drain", done).off("close", done))
  })

  return {
    outlet: {
      isBehind: () => connection.writableNeedDrain,
      taken: () => connection.bytesWritten - connection.writableLength,
      keepAlive: () => {
        if (connection.writable) connection.write(ping)
      },
      destroy: () => connection.destroy()
    },
    receive: Effect.mapError(reader.pull, endingOf),
    send: (text) => Effect.andThen(room, Effect.ignore(writer.write(text))),
    close: (code, reason) => Effect.ignore(writer.write(new Socket.CloseEvent(code, reason)))
  }
})
