import { Effect, Result, Schema } from "effect"
import { SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { TenantId } from "../domain/Tenant.ts"
import { Webhook, type WebhookId, WebhookSettings } from "../domain/Webhook.ts"
import { Sealing, type SecretPlace } from "./Sealing.ts"

const { headers: _headers, url: _url, ...shown } = Webhook.fields

/** A row of `webhooks`, its settings as they are stored. */
export const WebhookRow = Schema.Struct({ ...shown, tenant_id: TenantId, settings: Schema.String })
type WebhookRow = typeof WebhookRow.Type

const Shown = Schema.Struct(shown)

/** A stored webhook. Of one whose settings cannot be read any more, the rest can. */
export type StoredWebhook = typeof Shown.Type & {
  readonly settings: Result.Result<WebhookSettings, SecretUnreadable>
}

const SettingsText = Schema.fromJsonString(WebhookSettings)
const encode = Schema.encodeEffect(SettingsText)
const decode = Schema.decodeUnknownEffect(SettingsText)

const placeOf = (tenant: TenantId, id: WebhookId): SecretPlace => ({ tenant, use: `webhook ${id}` })

/** Seals settings for the database, and opens those that come from it. */
export const makeWebhookRows = Effect.gen(function* () {
  const sealing = yield* Sealing

  const seal = (tenant: TenantId, id: WebhookId, settings: WebhookSettings) =>
    Effect.flatMap(Effect.orDie(encode(settings)), (text) => sealing.seal(placeOf(tenant, id), text))

  const open = Effect.fnUntraced(function* ({ settings: sealed, tenant_id, ...rest }: WebhookRow) {
    const place = placeOf(tenant_id, rest.id)
    const settings = yield* Effect.result(
      Effect.flatMap(sealing.open(place, sealed), (text) =>
        Effect.mapError(decode(text), () => new SecretUnreadable({ use: place.use, reason: "undecodable" }))
      )
    )
    const webhook: StoredWebhook = { ...rest, settings }
    return webhook
  })

  return { seal, open }
})
