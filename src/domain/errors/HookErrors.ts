import { Schema } from "effect"
import { HookEvent } from "../Hook.ts"
import { soFar } from "./Partial.ts"

/** Who was to be asked gave no answer that counts. A tool call is refused then; everything else goes on. */
export class HookFailed extends Schema.TaggedError<HookFailed>()("HookFailed", {
  hook_event: HookEvent,
  reason: Schema.Literals([
    "url_refused",
    "no_such_host",
    "no_connection",
    "timed_out",
    "too_large",
    "redirected",
    "status",
    "unreadable",
    "settings_unreadable"
  ]),
  /** Which one it was, if it is one of the tenant's and not of the request. */
  webhook_id: Schema.optionalKey(Schema.String),
  /** The status of the answer, if it was that. */
  status: Schema.optionalKey(Schema.Int)
}) {
  override get message() {
    return `The ${this.hook_event} hook gave no answer that counts (${this.reason}).`
  }
}

/** A UserPromptSubmit hook kept the prompt from the model. */
export class PromptDenied extends Schema.TaggedError<PromptDenied>()("PromptDenied", {
  ...soFar,
  /** What the hook said. */
  reason: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return "A hook refused the prompt; the model has not seen it."
  }
}
