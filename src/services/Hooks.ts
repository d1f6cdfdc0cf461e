import { Context, Effect, Layer } from "effect"
import type { TurnHook } from "../agent/AgentRuntime.ts"
import { detailsOf } from "../domain/errors/ErrorObject.ts"
import { type HookFailed, PromptDenied } from "../domain/errors/HookErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type HookAnswer, HookEvent, type Hooks as HooksByEvent } from "../domain/Hook.ts"
import { WebhookRepository } from "../storage/WebhookRepository.ts"
import { type AskedHook, makeHookCalls, requestHook, tenantHook } from "./HookCalls.ts"
import type { LogSubject } from "./RunLog.ts"

/** Who is told what came of a run's hooks beside their answers. */
export interface HookListener {
  failed(failure: HookFailed): Effect.Effect<void>
  promptDenied(failure: PromptDenied): Effect.Effect<void>
}

const rewritten: HookAnswer = {
  decision: "deny",
  reason: "A hook of the request changed an input that the tenant's hooks decide about."
}

/** Hooks of runs: who is asked, by HTTP, while an agent works. */
export class Hooks extends Context.Service<
  Hooks,
  {
    /**
     * What the agent of a run calls: the hooks of its request, and those of its tenant, which no request can switch
     * off. A call never fails: what goes wrong is told to the listener, and the answer is then to deny a tool call,
     * and to let everything else go on.
     */
    of(
      hooks: HooksByEvent,
      subject: LogSubject,
      listener: HookListener
    ): Effect.Effect<ReadonlyArray<TurnHook>, DatabaseFailure>
  }
>()("causeway/services/Hooks") {
  static readonly layer = Layer.effect(
    Hooks,
    Effect.gen(function* () {
      const webhooks = yield* WebhookRepository
      const ask = yield* makeHookCalls

      const of = Effect.fn("Hooks.of")(function* (asked: HooksByEvent, subject: LogSubject, listener: HookListener) {
        const kept = yield* webhooks.binding(subject.tenant_id)
        // The tenant's are asked about what the agent wants to do. What they never saw must not run in its place.
        const settled = kept.some(({ events }) => events.includes("PreToolUse"))

        const turnHook = (event: HookEvent, hook: AskedHook): TurnHook => ({
          event,
          matcher: hook.matcher,
          timeout: hook.timeout,
          call: (call) =>
            ask(hook, call, subject).pipe(
              Effect.map((answer) =>
                settled && hook.webhook_id === null && event === "PreToolUse" && answer.modified_input != null
                  ? rewritten
                  : answer
              ),
              Effect.tap(({ decision, reason }) =>
                event === "UserPromptSubmit" && decision === "deny"
                  ? listener.promptDenied(new PromptDenied({ reason: reason ?? null }))
                  : Effect.void
              ),
              Effect.catch((failure) =>
                listener.failed(failure).pipe(
                  Effect.annotateLogs({ ...detailsOf(failure) }),
                  Effect.as({
                    decision: event === "PreToolUse" ? ("deny" as const) : ("allow" as const),
                    reason: failure.message
                  })
                )
              )
            )
        })

        return HookEvent.literals.flatMap((event) => [
          ...kept.filter(({ events }) => events.includes(event)).map((webhook) => turnHook(event, tenantHook(webhook))),
          ...[asked[event] ?? []].flat().map((hook) => turnHook(event, requestHook(hook)))
        ])
      })

      return Hooks.of({ of })
    })
  )
}
