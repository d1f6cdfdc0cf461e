import type { Redacted } from "effect"

/** What the server is told by the configuration. */
export interface ServerOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** Origins whose pages may call the API from a browser; `*` stands for all. Empty: none. */
  readonly corsOrigins: ReadonlyArray<string>
  /** Asked for at /metrics when it is given. */
  readonly metricsKey: Redacted.Redacted | undefined
  readonly maxBodyBytes: number
  /** Milliseconds between the keep-alive comments of an event stream; 15 s unless given. */
  readonly keepAlive?: number
  /** Milliseconds for which a reader of an event stream may take nothing; 60 s unless given. */
  readonly stallTimeout?: number
  /** Most event streams and WebSockets of one tenant at once; no limit unless given. */
  readonly maxStreamsPerTenant?: number
  /** Milliseconds in which a request's head, and in which all of it, must have arrived; 15 and 60 s unless given. */
  readonly headersTimeout?: number
  readonly requestTimeout?: number
}
