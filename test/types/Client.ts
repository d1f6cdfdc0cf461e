// A caller of the client who says that a failure is handled must handle it.
import { Effect } from "effect"
import type * as Package from "../../src/client.ts"
import type {
  Client,
  RedisUnavailable,
  SessionId,
  SessionNotFound,
  WebhookDeliveryId,
  WebhookDisabled,
  WebhookId
} from "../../src/client.ts"
import type { FailureTag } from "../../src/domain/errors/catalogue.ts"
import { accepts, type Equal, holds } from "./Equal.ts"

type Tag<Class> = Class extends new (...args: never) => { readonly _tag: infer Name } ? Name : never
type ExportedTag = { [Name in keyof typeof Package]: Tag<(typeof Package)[Name]> }[keyof typeof Package]

// Whoever has the client can match on every failure that there is.
holds<Equal<Exclude<FailureTag, ExportedTag>, never>>()

declare const client: Client
declare const session_id: SessionId

type Failures = Effect.Error<ReturnType<Client["api"]["query"]["single"]>>
type Handled = Effect.Effect<unknown, Exclude<Failures, SessionNotFound | RedisUnavailable>>

const asked = client.api.query.single({ payload: { prompt: "a", session_id }, headers: {} })

accepts<Handled>(
  asked.pipe(Effect.catchTags({ SessionNotFound: () => Effect.void, RedisUnavailable: () => Effect.void }))
)

// @ts-expect-error RedisUnavailable was forgotten
accepts<Handled>(asked.pipe(Effect.catchTags({ SessionNotFound: () => Effect.void })))

// @ts-expect-error SessionNotFound was forgotten
accepts<Handled>(asked.pipe(Effect.catchTags({ RedisUnavailable: () => Effect.void })))

// @ts-expect-error a session that is read cannot fail for want of Redis: there is nothing to handle
Effect.catchTag(client.api.sessions.get({ params: { id: session_id } }), "RedisUnavailable", () => Effect.void)

declare const webhook: WebhookId
declare const delivery: WebhookDeliveryId

const sentAgain = client.api.webhooks.redeliver({ params: { id: webhook, delivery } })

// What a webhook was told is read, and sent again, with failures that say why not.
accepts<Effect.Effect<unknown, Exclude<Effect.Error<typeof sentAgain>, WebhookDisabled>>>(
  Effect.catchTag(sentAgain, "WebhookDisabled", () => Effect.void)
)
// @ts-expect-error a disabled webhook was forgotten
accepts<Effect.Effect<unknown, Exclude<Effect.Error<typeof sentAgain>, WebhookDisabled>>>(sentAgain)
// @ts-expect-error a session's id is no webhook's
client.api.webhooks.get({ params: { id: session_id } })
