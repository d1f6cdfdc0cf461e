import { Clock, Context, Effect, Layer, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import type { TurnHook } from "../agent/AgentRuntime.ts"
import { HookFailed, PromptDenied } from "../domain/errors/HookErrors.ts"
import type { UrlRefused, UrlUnreachable } from "../domain/errors/OutboundErrors.ts"
import { HookAnswer, type Hook, type HookCall, type HookEvent, type Hooks as HooksByEvent } from "../domain/Hook.ts"
import { Outbound } from "../outbound/Outbound.ts"
import { webhookHeaders } from "../outbound/StandardWebhooks.ts"
import type { LogSubject } from "./RunLog.ts"

/** Seconds that an answer may take where the hook does not say. */
const defaultTimeout = 30

/** Longest answer, in bytes. */
const longestAnswer = 1_048_576

const events = [
  "PreToolUse",
  "PostToolUse",
  "UserPromptSubmit",
  "Stop",
  "SubagentStop",
  "PreCompact",
  "Notification"
] as const satisfies ReadonlyArray<HookEvent>

/** Every hook of a request with what it is asked at. */
const listed = (hooks: HooksByEvent): ReadonlyArray<readonly [HookEvent, Hook]> =>
  events.flatMap((event) => [hooks[event] ?? []].flat().map((hook) => [event, hook] as const))

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })
const decodeAnswer = Schema.decodeUnknownEffect(Schema.fromJsonString(HookAnswer))

/** Who is told what came of a run's hooks beside their answers. */
export interface HookListener {
  failed(failure: HookFailed): Effect.Effect<void>
  promptDenied(failure: PromptDenied): Effect.Effect<void>
}

/** Hooks of runs: who is asked, by HTTP, while an agent works. */
export class Hooks extends Context.Service<
  Hooks,
  {
    /**
     * What the agent of a run calls. It never fails: what goes wrong is told to the listener, and the answer is then
     * to deny a tool call, and to let everything else go on.
     */
    of(hooks: HooksByEvent, subject: LogSubject, listener: HookListener): ReadonlyArray<TurnHook>
  }
>()("causeway/services/Hooks") {
  static readonly layer = Layer.effect(
    Hooks,
    Effect.gen(function* () {
      const outbound = yield* Outbound
      const random = yield* SecureRandom.SecureRandom

      const failureOf =
        (hook_event: HookEvent) =>
        (failure: UrlRefused | UrlUnreachable): HookFailed => {
          if (failure._tag === "UrlRefused") return new HookFailed({ hook_event, reason: "url_refused" })
          const { reason } = failure
          return new HookFailed({ hook_event, reason: reason === "too_many_redirects" ? "redirected" : reason })
        }

      const ask = Effect.fn("Hooks.ask")(function* (hook: Hook, call: HookCall, subject: LogSubject) {
        const { hook_event } = call
        const id = yield* random.uuidV7()
        const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1000)
        const { run_id, session_id } = subject
        const body = JSON.stringify({ session_id, run_id, ...call })
        const answer = yield* outbound
          .send(
            {
              method: "POST",
              url: new URL(hook.url),
              headers: { ...hook.headers, ...webhookHeaders({ id, timestamp, body }, hook.secret) },
              body: encoder.encode(body)
            },
            { timeout: (hook.timeout ?? defaultTimeout) * 1000, maxBytes: longestAnswer, redirects: 0 }
          )
          .pipe(Effect.mapError(failureOf(hook_event)))
        const { status } = answer
        if (status >= 300 && status < 400) return yield* new HookFailed({ hook_event, reason: "redirected", status })
        if (status < 200 || status >= 300) return yield* new HookFailed({ hook_event, reason: "status", status })
        return yield* Effect.try(() => decoder.decode(answer.body)).pipe(
          Effect.flatMap(decodeAnswer),
          Effect.mapError(() => new HookFailed({ hook_event, reason: "unreadable" }))
        )
      })

      return Hooks.of({
        of: (hooks, subject, listener) =>
          listed(hooks).map(([event, hook]): TurnHook => ({
            event,
            matcher: hook.matcher,
            timeout: hook.timeout ?? defaultTimeout,
            call: (call) =>
              ask(hook, call, subject).pipe(
                Effect.tap(({ decision, reason }) =>
                  event === "UserPromptSubmit" && decision === "deny"
                    ? listener.promptDenied(new PromptDenied({ reason: reason ?? null }))
                    : Effect.void
                ),
                Effect.catch((failure) =>
                  Effect.as(listener.failed(failure), {
                    decision: event === "PreToolUse" ? ("deny" as const) : ("allow" as const),
                    reason: failure.message
                  })
                )
              )
          }))
      })
    })
  )
}
