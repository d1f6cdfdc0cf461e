import { Schema } from "effect"

/** No such webhook, or another tenant's. */
export class WebhookNotFound extends Schema.TaggedError<WebhookNotFound>()("WebhookNotFound", {
  webhook_id: Schema.String
}) {
  override get message() {
    return "There is no such webhook."
  }
}
