import { Clock, Context, DateTime, Effect, Layer, Option, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64 } from "effect/encoding"
import type { Principal } from "../domain/ApiKey.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import type { DatabaseFailure, SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { WebhookNotFound } from "../domain/errors/WebhookErrors.ts"
import { defaultHookTimeout } from "../domain/Hook.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { hideInUrl, hideValues, isElsewhere, redacted, restoreValues } from "../domain/Redaction.ts"
import {
  defaultOverlap,
  isTold,
  type NewWebhook,
  type SecretRotation,
  Webhook,
  type WebhookChange,
  WebhookId,
  type WebhookSettings
} from "../domain/Webhook.ts"
import { type WebhookContent, WebhookRepository } from "../storage/WebhookRepository.ts"
import type { StoredWebhook } from "../storage/WebhookRows.ts"
import { reportFailure } from "./FailureReport.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** How many webhooks a tenant may have: a run asks all that fit. */
const mostWebhooks = 50

/** Random bytes of a secret. */
const secretBytes = 32

/** A webhook with its secret, which nobody can see again. */
export interface IssuedWebhook {
  readonly webhook: Webhook
  readonly secret: string
}

/** A webhook as it is shown. One that cannot be read is reported. */
const viewOf = Effect.fnUntraced(function* ({ settings, ...rest }: StoredWebhook) {
  if (Result.isFailure(settings)) {
    yield* reportFailure(settings.failure, {}).pipe(Effect.annotateLogs({ webhook_id: rest.id }))
    return new Webhook({ ...rest, url: null, headers: {} })
  }
  const { headers, url } = settings.success
  return new Webhook({ ...rest, url: hideInUrl(url), headers: hideValues(headers) })
})

const refused = (path: string) =>
  new ValidationFailed({
    issues: [{ path: `body.${path}`, message: `holds ${redacted}, which stands in answers in place of a secret` }]
  })

/** Fails where a client gives a secret back as it was shown, and there is none to put in its place. */
const checkSecrets = ({ headers, url }: WebhookSettings): Effect.Effect<void, ValidationFailed> => {
  if (url.includes(redacted)) return Effect.fail(refused("url"))
  return Object.values(headers).includes(redacted) ? Effect.fail(refused("headers")) : Effect.void
}

/** Fails where something is asked of a webhook that is told that only one can do that is asked. */
const checkMatcher = ({ events, matcher }: WebhookContent): Effect.Effect<void, ValidationFailed> =>
  isTold(events) && matcher !== null
    ? Effect.fail(
        new ValidationFailed({
          issues: [{ path: "body.matcher", message: "is not for notifications: they have no tool" }]
        })
      )
    : Effect.void

const contentOf = (stored: StoredWebhook, settings: WebhookSettings): WebhookContent => {
  const { description, disabled_reason, enabled, events, matcher, previous_secret_until, timeout } = stored
  return { settings, description, disabled_reason, enabled, events, matcher, previous_secret_until, timeout }
}

/** Endpoints of a tenant: asked while its agents work, or told what has happened. Another tenant's do not exist for it. */
export class Webhooks extends Context.Service<
  Webhooks,
  {
    create(
      principal: Principal,
      webhook: NewWebhook
    ): Effect.Effect<IssuedWebhook, ValidationFailed | ResourceLimitReached | DatabaseFailure>
    list(principal: Principal, position: PagePosition | null, size: number): Effect.Effect<Page<Webhook>, ReadFailure>
    get(principal: Principal, id: WebhookId): Effect.Effect<Webhook, WebhookNotFound | ReadFailure>
    /** What is not named stays as it is. */
    update(
      principal: Principal,
      id: WebhookId,
      change: WebhookChange
    ): Effect.Effect<Webhook, ValidationFailed | WebhookNotFound | SecretUnreadable | DatabaseFailure>
    /** Gives it another secret; the last one signs beside it for a while, those before that no more. */
    rotate(
      principal: Principal,
      id: WebhookId,
      rotation: SecretRotation
    ): Effect.Effect<IssuedWebhook, WebhookNotFound | SecretUnreadable | DatabaseFailure>
    delete(principal: Principal, id: WebhookId): Effect.Effect<void, WebhookNotFound | DatabaseFailure>
  }
>()("causeway/services/Webhooks") {
  static readonly layer = Layer.effect(
    Webhooks,
    Effect.gen(function* () {
      const repository = yield* WebhookRepository
      const random = yield* SecureRandom.SecureRandom

      const newSecret = Effect.map(random.randomBytes(secretBytes), (bytes) => `whsec_${Base64.encode(bytes)}`)

      const create = Effect.fn("Webhooks.create")(function* (principal: Principal, asked: NewWebhook) {
        const { description = null, enabled = true, events, headers = {}, matcher = null, url } = asked
        const secret = asked.secret ?? (yield* newSecret)
        const settings = { url, headers, secret, previous_secret: null }
        yield* checkSecrets(settings)
        const timeout = asked.timeout ?? defaultHookTimeout
        const content: WebhookContent = {
          settings,
          description,
          enabled,
          disabled_reason: null,
          events,
          matcher,
          timeout,
          previous_secret_until: null
        }
        yield* checkMatcher(content)
        const id = WebhookId.make(yield* random.uuidV7())
        const stored = yield* repository.create(principal.tenant_id, id, content, mostWebhooks)
        return { webhook: yield* viewOf(stored), secret }
      })

      const list = Effect.fn("Webhooks.list")(function* (
        principal: Principal,
        position: PagePosition | null,
        size: number
      ) {
        const { items, next } = yield* asRead(repository.list(principal.tenant_id, position, size))
        return { items: yield* Effect.forEach(items, viewOf), next }
      })

      const get = Effect.fn("Webhooks.get")(function* (principal: Principal, id: WebhookId) {
        const found = yield* asRead(repository.find(principal.tenant_id, id))
        if (Option.isNone(found)) return yield* new WebhookNotFound({ webhook_id: id })
        return yield* viewOf(found.value)
      })

      const update = Effect.fn("Webhooks.update")(function* (
        principal: Principal,
        id: WebhookId,
        { headers, url, ...change }: WebhookChange
      ) {
        const changed = yield* repository.change(
          principal.tenant_id,
          id,
          Effect.fnUntraced(function* (stored) {
            const before = yield* Effect.fromResult(stored.settings)
            const place = url === undefined || url === hideInUrl(before.url) ? before.url : url
            // Who may move a webhook need not know its secrets, and must not have them sent elsewhere.
            const known = isElsewhere(before.url, place) ? hideValues(before.headers) : before.headers
            const settings = { ...before, url: place, headers: restoreValues(headers ?? known, known) }
            yield* checkSecrets(settings)
            const content = { ...contentOf(stored, settings), ...change }
            yield* checkMatcher(content)
            return change.enabled === undefined ? content : { ...content, disabled_reason: null }
          })
        )
        return yield* viewOf(changed)
      })

      const rotate = Effect.fn("Webhooks.rotate")(function* (
        principal: Principal,
        id: WebhookId,
        { keep_previous_seconds = defaultOverlap, ...asked }: SecretRotation
      ) {
        const secret = asked.secret ?? (yield* newSecret)
        const until = DateTime.makeUnsafe((yield* Clock.currentTimeMillis) + keep_previous_seconds * 1000)
        const changed = yield* repository.change(
          principal.tenant_id,
          id,
          Effect.fnUntraced(function* (stored) {
            const before = yield* Effect.fromResult(stored.settings)
            const kept =
              keep_previous_seconds === 0
                ? { previous_secret: null, previous_secret_until: null }
                : { previous_secret: before.secret, previous_secret_until: until }
            const settings = { ...before, secret, previous_secret: kept.previous_secret }
            return { ...contentOf(stored, settings), previous_secret_until: kept.previous_secret_until }
          })
        )
        return { webhook: yield* viewOf(changed), secret }
      })

      const remove = Effect.fn("Webhooks.delete")(function* (principal: Principal, id: WebhookId) {
        if (!(yield* repository.delete(principal.tenant_id, id))) return yield* new WebhookNotFound({ webhook_id: id })
      })

      return Webhooks.of({ create, list, get, update, rotate, delete: remove })
    })
  )
}
