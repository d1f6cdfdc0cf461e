import { Clock, Effect, Option, Result, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { HookFailed } from "../domain/errors/HookErrors.ts"
import type { UrlRefused, UrlUnreachable } from "../domain/errors/OutboundErrors.ts"
import { defaultHookTimeout, type Hook, HookAnswer, type HookCall } from "../domain/Hook.ts"
import type { WebhookId } from "../domain/Webhook.ts"
import { Outbound } from "../outbound/Outbound.ts"
import { webhookHeaders } from "../outbound/StandardWebhooks.ts"
import type { StoredWebhook } from "../storage/WebhookRows.ts"
import type { LogSubject } from "./RunLog.ts"
import { secretsOf } from "./WebhookSecrets.ts"

/** Longest answer, in bytes. */
const longestAnswer = 1_048_576

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })
const decodeAnswer = Schema.decodeUnknownEffect(Schema.fromJsonString(HookAnswer))

/** Where somebody is asked. */
export interface AskedEndpoint {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What a call is signed with that is made at a time in milliseconds. */
  readonly secretsAt: (now: number) => ReadonlyArray<string>
}

/** Somebody who is asked while an agent works, of the request or of its tenant. */
export interface AskedHook {
  readonly matcher: string | undefined
  /** Seconds that an answer takes at most. */
  readonly timeout: number
  /** Null for one of the request. */
  readonly webhook_id: WebhookId | null
  /** None when what is kept of it cannot be decrypted any more. */
  readonly endpoint: Option.Option<AskedEndpoint>
}

/** A hook of a request. */
export const requestHook = ({ headers = {}, matcher, secret, timeout = defaultHookTimeout, url }: Hook): AskedHook => ({
  matcher,
  timeout,
  webhook_id: null,
  endpoint: Option.some({ url, headers, secretsAt: () => (secret === undefined ? [] : [secret]) })
})

/** A webhook of the tenant's. */
export const tenantHook = ({ id, matcher, settings, timeout, ...rest }: StoredWebhook): AskedHook => ({
  matcher: matcher ?? undefined,
  timeout,
  webhook_id: id,
  endpoint: Option.map(Result.getSuccess(settings), ({ headers, url, ...kept }) => ({
    url,
    headers,
    secretsAt: (now) => secretsOf(rest, { headers, url, ...kept }, now)
  }))
})

/** Makes what asks a hook, once, and takes no answer for an answer but one that is. */
export const makeHookCalls = Effect.gen(function* () {
  const outbound = yield* Outbound
  const random = yield* SecureRandom.SecureRandom

  return Effect.fn("HookCalls.ask")(function* (hook: AskedHook, call: HookCall, subject: LogSubject) {
    const which = { hook_event: call.hook_event, ...(hook.webhook_id === null ? {} : { webhook_id: hook.webhook_id }) }
    const fail = (reason: HookFailed["reason"]) => new HookFailed({ ...which, reason })
    const failureOf = (failure: UrlRefused | UrlUnreachable): HookFailed => {
      if (failure._tag === "UrlRefused") return fail("url_refused")
      return fail(failure.reason === "too_many_redirects" ? "redirected" : failure.reason)
    }
    if (Option.isNone(hook.endpoint)) return yield* fail("settings_unreadable")
    const { headers, secretsAt, url } = hook.endpoint.value
    const id = yield* random.uuidV7()
    const now = yield* Clock.currentTimeMillis
    const { run_id, session_id } = subject
    const body = JSON.stringify({ session_id, run_id, ...call })
    const message = { id, timestamp: Math.floor(now / 1000), body }
    const answer = yield* outbound
      .send(
        {
          method: "POST",
          url: new URL(url),
          headers: { ...headers, ...webhookHeaders(message, secretsAt(now)) },
          body: encoder.encode(body)
        },
        { timeout: hook.timeout * 1000, maxBytes: longestAnswer, redirects: 0 }
      )
      .pipe(Effect.mapError(failureOf))
    const { status } = answer
    if (status >= 300 && status < 400) return yield* new HookFailed({ ...which, reason: "redirected", status })
    if (status < 200 || status >= 300) return yield* new HookFailed({ ...which, reason: "status", status })
    return yield* Effect.try(() => decoder.decode(answer.body)).pipe(
      Effect.flatMap(decodeAnswer),
      Effect.mapError(() => fail("unreadable"))
    )
  })
})
