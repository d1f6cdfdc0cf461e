import { Context } from "effect"

/** What the configuration says about WebSockets. */
export class WebSocketRules extends Context.Service<
  WebSocketRules,
  {
    /** Longest frame of a client. */
    readonly maxFrameBytes: number
    /** Origins whose pages may open one; `*` stands for all. */
    readonly origins: ReadonlyArray<string>
  }
>()("causeway/http/WebSocketRules") {}
