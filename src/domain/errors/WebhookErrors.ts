import { Schema } from "effect"
import { DeliveryTrouble } from "../WebhookDelivery.ts"

/** No such webhook, or another tenant's. */
export class WebhookNotFound extends Schema.TaggedError<WebhookNotFound>()("WebhookNotFound", {
  webhook_id: Schema.String
}) {
  override get message() {
    return "There is no such webhook."
  }
}

/** The webhook was not told anything of this id, or not any more. */
export class DeliveryNotFound extends Schema.TaggedError<DeliveryNotFound>()("DeliveryNotFound", {
  delivery_id: Schema.String
}) {
  override get message() {
    return "There is no such delivery."
  }
}

/** A webhook that is disabled is told nothing, so nothing can be sent to it. */
export class WebhookDisabled extends Schema.TaggedError<WebhookDisabled>()("WebhookDisabled", {
  webhook_id: Schema.String
}) {
  override get message() {
    return "The webhook is disabled; nothing is sent to it."
  }
}

const attempt = {
  reason: DeliveryTrouble,
  /** The status of the answer, if there was one. */
  status: Schema.optionalKey(Schema.Int)
} as const

/** An endpoint was to be told something and did not hear it; it is told again. */
export class DeliveryFailed extends Schema.TaggedError<DeliveryFailed>()("DeliveryFailed", attempt) {
  override get message() {
    return `A webhook could not be told (${this.reason}).`
  }
}

/** An endpoint did not hear something at the last attempt either. */
export class DeliveryDead extends Schema.TaggedError<DeliveryDead>()("DeliveryDead", attempt) {
  override get message() {
    return `A webhook could not be told, and that is given up (${this.reason}).`
  }
}

/** An endpoint answered with 410: it wants to hear nothing more, and is disabled. */
export class WebhookGone extends Schema.TaggedError<WebhookGone>()("WebhookGone", {}) {
  override get message() {
    return "A webhook answered with 410 and was disabled."
  }
}
