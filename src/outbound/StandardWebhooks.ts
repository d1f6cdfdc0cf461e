import { createHmac } from "node:crypto"

/** One message to an endpoint, of which everybody who sees it can tell whether it was sent before. */
export interface WebhookMessage {
  readonly id: string
  /** Seconds since the epoch. */
  readonly timestamp: number
  readonly body: string
}

/**
 * The headers of a message, signed if there is a secret: `whsec_` and a key in base64.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const webhookHeaders = ({ body, id, timestamp }: WebhookMessage, secret?: string): Record<string, string> => {
  const headers = { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": String(timestamp) }
  if (secret === undefined) return headers
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64")
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")
  return { ...headers, "webhook-signature": `v1,${signature}` }
}
