import { Schema } from "effect"

/** When a hook is called; named as by the SDK. */
export const HookEvent = Schema.Literals([
  "PreToolUse",
  "PostToolUse",
  "UserPromptSubmit",
  "Stop",
  "SubagentStop",
  "PreCompact",
  "Notification"
])
export type HookEvent = typeof HookEvent.Type

const compiles = (pattern: string): boolean => {
  try {
    return new RegExp(pattern) instanceof RegExp
  } catch {
    return false
  }
}

/** An address of http or https, without a name and a password in it. */
export const HookUrl = Schema.String.check(
  Schema.isMaxLength(2048),
  Schema.makeFilter((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    return (url?.protocol === "http:" || url?.protocol === "https:") && url.username === "" && url.password === ""
      ? []
      : [{ path: [], issue: "must be a URL of http or https, without a name and a password" }]
  })
)

/** What signs the calls of a hook: `whsec_` and 24 to 64 bytes in base64, as Standard Webhooks has it. */
export const HookSecret = Schema.String.check(
  Schema.isPattern(/^whsec_(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, {
    message: "must be whsec_ and 24 to 64 bytes in base64"
  })
)

const HeaderName = Schema.String.check(
  Schema.isPattern(
    /^(?!(?:webhook-.*|host|content-length|content-type|transfer-encoding|connection)$)[a-z0-9-]{1,100}$/i,
    {
      message: "must be the name of a header, and none that the call itself has"
    }
  )
)

/** Headers that are sent with each call. */
export const HookHeaders = Schema.Record(
  HeaderName,
  Schema.String.check(Schema.isMaxLength(4096), Schema.isPattern(/^[\x20-\x7e]*$/))
).check(Schema.isMaxProperties(100))

/** Seconds that an answer may take. */
export const HookTimeout = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 }))

/** How many seconds an answer may take where nothing is said. */
export const defaultHookTimeout = 30

/** Which tools a hook is about: a name, several as `Write|Edit`, or a regular expression. */
export const HookMatcher = Schema.String.check(
  Schema.isMaxLength(500),
  Schema.makeFilter((pattern) => (compiles(pattern) ? [] : [{ path: [], issue: "must be a regular expression" }]))
)

/** Somebody who is asked, by HTTP, while an agent works. */
export const Hook = Schema.Struct({
  url: HookUrl,
  /** Sent with each call. */
  headers: Schema.optionalKey(HookHeaders),
  /** Seconds that an answer may take, 1 to 300; 30 when absent. */
  timeout: Schema.optionalKey(HookTimeout),
  /** Which tools it is about: a name, several as `Write|Edit`, or a regular expression; all when absent. */
  matcher: Schema.optionalKey(HookMatcher),
  /** Signs the calls; without it they are not signed. */
  secret: Schema.optionalKey(HookSecret)
}).annotate({ identifier: "Hook" })
export type Hook = typeof Hook.Type

const some = Schema.optionalKey(Schema.Union([Hook, Schema.Array(Hook).check(Schema.isMaxLength(10))]))

/** Who is asked at what, by the names of the events; several are asked at once, and the strictest answer counts. */
export const Hooks = Schema.Struct({
  PreToolUse: some,
  PostToolUse: some,
  UserPromptSubmit: some,
  Stop: some,
  SubagentStop: some,
  PreCompact: some,
  Notification: some
}).annotate({ identifier: "Hooks" })
export type Hooks = typeof Hooks.Type

/** What a hook is told. */
export const HookCall = Schema.Struct({
  hook_event: HookEvent,
  tool_name: Schema.optionalKey(Schema.String),
  tool_use_id: Schema.optionalKey(Schema.String),
  tool_input: Schema.optionalKey(Schema.Json),
  tool_result: Schema.optionalKey(Schema.Json),
  /** What an agent said last that is about to stop, and whether it already went on because of a hook. */
  result_data: Schema.optionalKey(Schema.Json),
  /** The kind of subagent that is at work; absent for the main agent. */
  subagent_name: Schema.optionalKey(Schema.String),
  /** Of a notification. */
  message: Schema.optionalKey(Schema.String),
  /** Why a conversation is summarised: `manual` or `auto`. */
  trigger: Schema.optionalKey(Schema.String)
})
export type HookCall = typeof HookCall.Type

/** What a hook answers. */
export const HookAnswer = Schema.Struct({
  decision: Schema.Literals(["allow", "deny", "ask"]),
  reason: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isMaxLength(10_000)))),
  /** Of PreToolUse: what the tool gets instead. */
  modified_input: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json)))
})
export type HookAnswer = typeof HookAnswer.Type
