import { DateTime } from "effect"
import type { WebhookSettings } from "../domain/Webhook.ts"
import type { StoredWebhook } from "../storage/WebhookRows.ts"

/** What a call is signed with that is made at a time in milliseconds: while a secret is replaced, with both. */
export const secretsOf = (
  { previous_secret_until }: Pick<StoredWebhook, "previous_secret_until">,
  { previous_secret, secret }: WebhookSettings,
  now: number
): ReadonlyArray<string> =>
  previous_secret === null || previous_secret_until === null || now >= DateTime.toEpochMillis(previous_secret_until)
    ? [secret]
    : [secret, previous_secret]
