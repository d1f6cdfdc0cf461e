import { Schema } from "effect"
import { ApprovalId, ApprovalKind } from "./Approval.ts"
import { Moment } from "./Moment.ts"
import { FinalRunStatus, RunError, RunId } from "./Run.ts"
import { SessionId } from "./Session.ts"
import { Notification, WebhookId } from "./Webhook.ts"

/** Identifies a delivery. It is the `webhook-id` of every attempt, by which a receiver knows what it had already. */
export const WebhookDeliveryId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("WebhookDeliveryId"))
export type WebhookDeliveryId = typeof WebhookDeliveryId.Type

/** What is told: what webhooks can be subscribed to, and the test that anybody can ask for. */
export const DeliveredEvent = Schema.Union([Notification, Schema.Literal("webhook.test")])
export type DeliveredEvent = typeof DeliveredEvent.Type

/** `pending` until it has arrived, or is given up and is `dead`. */
export const WebhookDeliveryStatus = Schema.Literals(["pending", "delivered", "dead"])
export type WebhookDeliveryStatus = typeof WebhookDeliveryStatus.Type

/** Why an attempt came to nothing. */
export const DeliveryTrouble = Schema.Literals([
  "url_refused",
  "no_such_host",
  "no_connection",
  "timed_out",
  "redirected",
  "status",
  "gone",
  "settings_unreadable"
])
export type DeliveryTrouble = typeof DeliveryTrouble.Type

/** Something that an endpoint is told, and how far that has got. */
export class WebhookDelivery extends Schema.Class<WebhookDelivery>("WebhookDelivery")({
  id: WebhookDeliveryId,
  webhook_id: WebhookId,
  event: DeliveredEvent,
  status: WebhookDeliveryStatus,
  /** Those that were begun since it was made or asked for again. */
  attempts: Schema.Int,
  /** When it is tried next; of one under way, when it is tried again if nobody hears of it. Null when that is over. */
  next_attempt_at: Schema.NullOr(Moment),
  last_attempt_at: Schema.NullOr(Moment),
  /** The status that the endpoint answered with last; null when it gave none. */
  last_status: Schema.NullOr(Schema.Int),
  /** Why the last attempt came to nothing. */
  last_reason: Schema.NullOr(DeliveryTrouble),
  /** What is told: the `data` of the body. */
  data: Schema.Json,
  created_at: Moment,
  /** When it had arrived or was given up. */
  ended_at: Schema.NullOr(Moment)
}) {}

/** What `run.ended` tells: how a run ended, and not what was said in it. */
export const RunEndedData = Schema.Struct({
  run_id: RunId,
  session_id: SessionId,
  status: FinalRunStatus,
  num_turns: Schema.NullOr(Schema.Int),
  total_cost_usd: Schema.NullOr(Schema.Finite),
  cost_unknown: Schema.Boolean,
  error: Schema.NullOr(RunError),
  created_at: Moment,
  ended_at: Moment
}).annotate({ identifier: "RunEndedData" })
export type RunEndedData = typeof RunEndedData.Type

/** What `approval.needed` tells: that a person is asked something, and until when, and not what. */
export const ApprovalNeededData = Schema.Struct({
  approval_id: ApprovalId,
  run_id: RunId,
  session_id: SessionId,
  kind: ApprovalKind,
  tool_name: Schema.String,
  created_at: Moment,
  expires_at: Moment
}).annotate({ identifier: "ApprovalNeededData" })
export type ApprovalNeededData = typeof ApprovalNeededData.Type
