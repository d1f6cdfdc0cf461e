import { Cause, Effect, FiberSet, Latch, Layer, Schedule } from "effect"
import { DeliveryDead, DeliveryFailed, WebhookGone } from "../domain/errors/WebhookErrors.ts"
import { Settings } from "../domain/Settings.ts"
import {
  type AttemptOutcome,
  type ClaimedDelivery,
  WebhookDeliveryRepository
} from "../storage/WebhookDeliveryRepository.ts"
import { type CountedOutcome, countAttempt, noteBacklog, registerDeliveryMetrics } from "./DeliveryMetrics.ts"
import { reportDefect, reportFailure } from "./FailureReport.ts"
import { makeWebhookSending } from "./WebhookSending.ts"

/** How often it is looked for what is due, in milliseconds. */
const lookEvery = 1000

/** How often it is measured what is left, in milliseconds. */
const measureEvery = 15_000

/** How much longer than its webhook may take a delivery is held, in milliseconds: a dead holder's is taken up after that. */
const slack = 15_000

/** How long what is under way has to arrive when the service stops, in milliseconds. */
const stopPatience = 3000

/** For how long what came of an attempt is tried to be written down: it is told once more only if that fails. */
const recording = { schedule: Schedule.spaced(500), times: 20 }

/** Deliveries that one instance makes at once, of all tenants and of one. */
const limits = { all: 32, perTenant: 8 }

const failureOf = (outcome: AttemptOutcome): DeliveryFailed | DeliveryDead | WebhookGone | null => {
  if (outcome._tag === "Delivered") return null
  if (outcome._tag === "Gone") return new WebhookGone()
  const { reason, retry_after, status } = outcome
  const told = { reason, ...(status === null ? {} : { status }) }
  return retry_after === null ? new DeliveryDead(told) : new DeliveryFailed(told)
}

const countedAs = (outcome: AttemptOutcome): CountedOutcome => {
  if (outcome._tag === "Failed") return outcome.retry_after === null ? "dead" : "failed"
  return outcome._tag === "Gone" ? "gone" : "delivered"
}

/**
 * Tells webhooks what is in the outbox: each thing on one instance at a time, again where it failed, and on another
 * instance when this one dies. What has arrived may arrive once more, under the same id. `retries` are the times, in
 * milliseconds, after which something is told again.
 */
export const layer = (retries: ReadonlyArray<number>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { instanceId } = yield* Settings
      const repository = yield* WebhookDeliveryRepository
      const send = yield* makeWebhookSending(retries)
      const working = yield* FiberSet.make<void>()
      const underWay = new Set<ClaimedDelivery>()
      const ended = yield* Latch.make(false)
      yield* registerDeliveryMetrics

      const attempt = Effect.fn("Outbox.attempt")(function* (delivery: ClaimedDelivery) {
        const outcome = yield* send(delivery)
        const held = yield* Effect.retry(repository.record(delivery, outcome), recording).pipe(
          // Its time runs out, and it is told again, under the same id.
          Effect.catch((failure) => Effect.as(reportFailure(failure, { tenant_id: delivery.tenant_id }), false))
        )
        if (!held) return
        yield* countAttempt(countedAs(outcome))
        const failure = failureOf(outcome)
        if (failure === null) return
        yield* reportFailure(failure, { tenant_id: delivery.tenant_id }).pipe(
          Effect.annotateLogs({
            attempt: delivery.attempts,
            ...(outcome._tag === "Failed" ? { reason: outcome.reason } : {}),
            ...("status" in outcome && outcome.status !== null ? { answered: outcome.status } : {})
          })
        )
      })

      const work = (delivery: ClaimedDelivery) =>
        attempt(delivery).pipe(
          // A bug in one must not end silently; it is taken up again.
          Effect.catchDefect((defect) => reportDefect(Cause.die(defect), { tenant_id: delivery.tenant_id })),
          Effect.annotateLogs({ webhook_id: delivery.webhook.id, delivery_id: delivery.id }),
          Effect.ensuring(
            Effect.suspend(() => {
              underWay.delete(delivery)
              return ended.open
            })
          )
        )

      const busyTenants = () => {
        const tenants = [...underWay].map(({ tenant_id }) => tenant_id)
        return [...new Set(tenants)].filter(
          (one) => tenants.filter((tenant) => tenant === one).length >= limits.perTenant
        )
      }

      let stopping = false
      const look = Effect.gen(function* () {
        if (stopping) return
        const free = limits.all - underWay.size
        if (free <= 0) return
        const busy = { webhooks: [...underWay].map(({ webhook }) => webhook.id), tenants: busyTenants() }
        const claimed = yield* repository.claim(instanceId, slack, busy, { ...limits, all: free })
        for (const delivery of claimed) {
          underWay.add(delivery)
          yield* FiberSet.run(working, work(delivery))
        }
      }).pipe(Effect.catch((failure) => Effect.logDebug("The outbox cannot be looked into", failure)))

      yield* Effect.gen(function* () {
        yield* ended.close
        yield* look
        yield* Effect.timeoutOption(ended.await, lookEvery)
      }).pipe(Effect.forever, Effect.forkScoped)

      // It would be told twice if the answer came when nobody is left to write it down.
      yield* Effect.addFinalizer(() => {
        stopping = true
        return Effect.timeoutOption(FiberSet.awaitEmpty(working), stopPatience)
      })

      yield* repository.backlog.pipe(
        Effect.flatMap(noteBacklog),
        Effect.catch((failure) => Effect.logDebug("The outbox cannot be measured", failure)),
        Effect.repeat(Schedule.spaced(measureEvery)),
        Effect.forkScoped
      )
    })
  )
