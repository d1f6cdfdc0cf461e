import { Clock, DateTime, Effect, Random, Result } from "effect"
import type { UrlRefused, UrlUnreachable } from "../domain/errors/OutboundErrors.ts"
import { isTold } from "../domain/Webhook.ts"
import type { DeliveryTrouble } from "../domain/WebhookDelivery.ts"
import { Outbound } from "../outbound/Outbound.ts"
import { webhookHeaders } from "../outbound/StandardWebhooks.ts"
import type { AttemptOutcome, ClaimedDelivery } from "../storage/WebhookDeliveryRepository.ts"
import { retryDelay, wishOf } from "./DeliverySchedule.ts"
import { secretsOf } from "./WebhookSecrets.ts"

const encoder = new TextEncoder()

const troubleOf = (failure: UrlRefused | UrlUnreachable): DeliveryTrouble => {
  if (failure._tag === "UrlRefused") return "url_refused"
  switch (failure.reason) {
    case "too_many_redirects":
      return "redirected"
    // Of the answer only its head is read.
    case "too_large":
      return "status"
    default:
      return failure.reason
  }
}

/** The body of a call, the same at each attempt. https://github.com/standard-webhooks/standard-webhooks */
export const bodyOf = ({ data, event, happened_at }: Pick<ClaimedDelivery, "data" | "event" | "happened_at">): string =>
  JSON.stringify({ type: event, timestamp: DateTime.formatIso(happened_at), data })

/** Makes what tells a webhook something once. */
export const makeWebhookSending = (retries: ReadonlyArray<number>) =>
  Effect.map(Outbound, (outbound) =>
    Effect.fn("WebhookSending.send")(function* (delivery: ClaimedDelivery): Effect.fn.Return<AttemptOutcome> {
      const { attempts, webhook } = delivery
      const now = yield* Clock.currentTimeMillis
      const random = yield* Random.next
      const failed = (reason: DeliveryTrouble, status: number | null = null, wish = 0): AttemptOutcome => ({
        _tag: "Failed",
        reason,
        status,
        retry_after: retryDelay(retries, attempts, wish, random)
      })
      if (Result.isFailure(webhook.settings)) return failed("settings_unreadable")
      const { headers, url } = webhook.settings.success
      const body = bodyOf(delivery)
      const message = { id: delivery.id, timestamp: Math.floor(now / 1000), body }
      const answer = yield* Effect.result(
        outbound.send(
          {
            method: "POST",
            url: new URL(url),
            headers: { ...headers, ...webhookHeaders(message, secretsOf(webhook, webhook.settings.success, now)) },
            body: encoder.encode(body)
          },
          { timeout: webhook.timeout * 1000, maxBytes: 0, redirects: 0, headOnly: true }
        )
      )
      if (Result.isFailure(answer)) return failed(troubleOf(answer.failure))
      const { headers: answered, status } = answer.success
      if (status >= 200 && status < 300) return { _tag: "Delivered", status }
      // Whoever is asked, and not told, binds agents: that is not ended by an answer.
      if (status === 410 && isTold(webhook.events)) return { _tag: "Gone", status }
      if (status >= 300 && status < 400) return failed("redirected", status)
      return failed("status", status, wishOf(answered["retry-after"], yield* Clock.currentTimeMillis))
    })
  )
