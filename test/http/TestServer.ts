// A real HTTP server on a free port, before the small services of Fakes.ts.
import { Context, Effect, Layer, Logger, References } from "effect"
import { HttpServer } from "effect/http"
import { connect } from "node:net"
import { serverLayer } from "../../src/http/Server.ts"
import type { ServerOptions } from "../../src/http/ServerOptions.ts"
import { registerFailureCounts } from "../../src/services/FailureReport.ts"
import { keepExampleText } from "../service/Examples.ts"
import { servicesLayer } from "./Fakes.ts"

/** A log line as it was written. */
export interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** What came back for a request. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** The error body. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
  readonly error: {
    readonly code: string
    readonly error_id: string
    readonly message: string
    readonly details: Record<string, unknown>
    readonly retry: string
    readonly request_id: string
  }
}

export class TestServer extends Context.Service<
  TestServer,
  {
    readonly url: string
    /** All lines so far. */
    readonly lines: ReadonlyArray<Line>
    readonly request: (path: string, init?: RequestInit) => Effect.Effect<Answer>
    /** Sends text on a connection of its own and gives all that came back until it was closed. */
    readonly raw: (...pieces: ReadonlyArray<string>) => Effect.Effect<string>
    /** The value of a series at /metrics; 0 where it is not. */
    readonly metric: (series: string) => Effect.Effect<number>
  }
>()("causeway/test/http/TestServer") {}

const options: ServerOptions = {
  host: "127.0.0.1",
  port: 0,
  corsOrigins: [],
  metricsKey: undefined,
  maxBodyBytes: 4096
}

export const withKey = (key = "key-query") => ({ "x-api-key": key })

export const json = (body: unknown, key?: string): RequestInit => ({
  method: "POST",
  headers: { ...withKey(key), "content-type": "application/json" },
  body: typeof body === "string" ? body : JSON.stringify(body)
})

export const problemOf = (answer: Answer): Problem => JSON.parse(answer.text) as Problem

export const testServer = (
  replaced: Parameters<typeof servicesLayer>[0] = {},
  changed: Partial<ServerOptions> = {}
): Layer.Layer<TestServer> => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ date: _date, fiber, logLevel, message }) => {
    lines.push({
      level: logLevel,
      message: Array.isArray(message) ? message.map(String).join(" ") : String(message),
      fields: { ...fiber.getRef(References.CurrentLogAnnotations) }
    })
  })
  const made = Effect.gen(function* () {
    yield* registerFailureCounts
    const server = yield* HttpServer.HttpServer
    const url = HttpServer.formatAddress(server.address)
    const request = (path: string, init: RequestInit = {}) =>
      Effect.promise(async () => {
        const response = await fetch(new URL(path, url), init)
        const text = await response.text()
        keepExampleText(text)
        return { status: response.status, headers: response.headers, text }
      })
    const raw = (...pieces: ReadonlyArray<string>) =>
      Effect.promise(
        () =>
          new Promise<string>((resolve) => {
            let text = ""
            const socket = connect(Number(new URL(url).port), "127.0.0.1", async () => {
              for (const piece of pieces) {
                socket.write(piece, "latin1")
                await new Promise((next) => setTimeout(next, 20))
              }
            })
            socket.on("data", (chunk) => (text += chunk.toString("latin1")))
            socket.on("error", () => resolve(text))
            socket.on("close", () => resolve(text))
          })
      )
    const metric = (series: string) =>
      Effect.map(request("/metrics"), ({ text }) =>
        Number(
          text
            .split("\n")
            .find((line) => line.startsWith(`${series} `))
            ?.slice(series.length + 1) ?? 0
        )
      )
    return { url, lines, request, raw, metric }
  })
  return Layer.effect(TestServer, made).pipe(
    Layer.provide(serverLayer({ ...options, ...changed })),
    Layer.provide(servicesLayer(replaced)),
    Layer.provide(Logger.layer([logger])),
    Layer.orDie
  )
}
