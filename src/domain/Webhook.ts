import { Schema } from "effect"
import { HookEvent, HookHeaders, HookMatcher, HookSecret, HookTimeout, HookUrl } from "./Hook.ts"
import { Moment } from "./Moment.ts"

/** Identifies a webhook. */
export const WebhookId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("WebhookId"))
export type WebhookId = typeof WebhookId.Type

/** What has happened, of which a webhook can be told. */
export const Notification = Schema.Literals(["run.ended", "approval.needed"])
export type Notification = typeof Notification.Type

/** What a webhook can be called at. */
export const WebhookEvent = Schema.Union([HookEvent, Notification])
export type WebhookEvent = typeof WebhookEvent.Type

const isNotification = Schema.is(Notification)

/** Whether a webhook is told what has happened, and not asked while agents work. */
export const isTold = (events: ReadonlyArray<WebhookEvent>): boolean => events.every(isNotification)

/** Longest time, in seconds, for which calls are also signed with the secret before the last one: a week. */
const longestOverlap = 604_800

/** For how many seconds that is so where nothing is said: a day. */
export const defaultOverlap = 86_400

const events = Schema.Array(WebhookEvent).check(
  Schema.isMinLength(1),
  Schema.isUnique(),
  Schema.makeFilter((all: ReadonlyArray<WebhookEvent>) =>
    isTold(all) || !all.some(isNotification)
      ? []
      : [{ path: [], issue: "must be those of hooks or those of notifications: what is asked is not told" }]
  )
)

const description = Schema.NullOr(Schema.String.check(Schema.isMaxLength(500)))

const fields = {
  url: HookUrl,
  /** What it is called at: either what agents do, and then it is asked, or what has happened, and then it is told. */
  events,
  /** Sent with each call; kept encrypted. */
  headers: Schema.optionalKey(HookHeaders),
  /** Of one that is asked: which tools it is about, as `Bash`, `Write|Edit` or a regular expression; null: all. */
  matcher: Schema.optionalKey(Schema.NullOr(HookMatcher)),
  /** Seconds that an answer may take, 1 to 300; 30 unless given. */
  timeout: Schema.optionalKey(HookTimeout),
  /** False: it is not called. */
  enabled: Schema.optionalKey(Schema.Boolean),
  description: Schema.optionalKey(description)
} as const

/** A new webhook. Without a secret it gets one. */
export const NewWebhook = Schema.Struct({ ...fields, secret: Schema.optionalKey(HookSecret) }).annotate({
  identifier: "NewWebhook"
})
export type NewWebhook = typeof NewWebhook.Type

/** A change of a webhook: what it does not name stays. A header that is given back as it was shown stays too. */
export const WebhookChange = Schema.Struct({
  ...fields,
  url: Schema.optionalKey(fields.url),
  events: Schema.optionalKey(fields.events)
}).annotate({ identifier: "WebhookChange" })
export type WebhookChange = typeof WebhookChange.Type

/** The next secret of a webhook, and how long the one before signs beside it. */
export const SecretRotation = Schema.Struct({
  /** Made up unless given. */
  secret: Schema.optionalKey(HookSecret),
  /** Seconds, 0 to a week; a day unless given. */
  keep_previous_seconds: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: longestOverlap })))
}).annotate({ identifier: "SecretRotation" })
export type SecretRotation = typeof SecretRotation.Type

/** All that is secret of a webhook. */
export const WebhookSettings = Schema.Struct({
  url: Schema.String,
  headers: Schema.Record(Schema.String, Schema.String),
  secret: Schema.String,
  /** The one before, which signs beside it for a while. */
  previous_secret: Schema.NullOr(Schema.String)
})
export type WebhookSettings = typeof WebhookSettings.Type

/** An endpoint of a tenant as its administrators see it: without secrets and the values of headers and query. */
export class Webhook extends Schema.Class<Webhook>("Webhook")({
  id: WebhookId,
  /** Null when what is kept of it cannot be decrypted any more. */
  url: Schema.NullOr(Schema.String),
  events: Schema.Array(WebhookEvent),
  headers: Schema.Record(Schema.String, Schema.String),
  matcher: Schema.NullOr(Schema.String),
  timeout: Schema.Int,
  enabled: Schema.Boolean,
  /** `gone`: it answered with 410 and was disabled for that. Null otherwise. */
  disabled_reason: Schema.NullOr(Schema.Literal("gone")),
  description: Schema.NullOr(Schema.String),
  /** Until when calls are signed with the secret before the last one too. */
  previous_secret_until: Schema.NullOr(Moment),
  created_at: Moment,
  updated_at: Moment
}) {}
