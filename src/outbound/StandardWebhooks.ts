import { createHmac } from "node:crypto"

/** One message to an endpoint, of which everybody who sees it can tell whether it was sent before. */
export interface WebhookMessage {
  readonly id: string
  /** Seconds since the epoch. */
  readonly timestamp: number
  readonly body: string
}

/**
 * The headers of a message, with a signature by each of the secrets, which are `whsec_` and a key in base64: while
 * a secret is replaced by another there are two. Without secrets it is not signed.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const webhookHeaders = (
  { body, id, timestamp }: WebhookMessage,
  secrets: ReadonlyArray<string>
): Record<string, string> => {
  const headers = { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": String(timestamp) }
  if (secrets.length === 0) return headers
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64")
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`
  })
  return { ...headers, "webhook-signature": signatures.join(" ") }
}
