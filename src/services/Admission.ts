import { Context, Effect, Layer, Ref, type Scope } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import { MachineMemory } from "../agent/MachineMemory.ts"
import {
  CapacityExceeded,
  Forbidden,
  InstanceOverloaded,
  ShuttingDown,
  ValidationFailed
} from "../domain/errors/RequestErrors.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { type EndOfStart, makeStartTurns } from "./StartTurns.ts"

/** What a client that was turned away for want of room should wait, in seconds. */
const capacityRetry = 5

/** Names of variables that decide how programs are found and run, or what the agent itself does. */
const reservedVariable = /^(ANTHROPIC|CLAUDE|NODE|LD|DYLD|npm)_|^(PATH|HOME|TMPDIR|SHELL|ENV|BASH_ENV|IS_SANDBOX)$/i

/** Decides whether a run may start at all, before anything is written. */
export class Admission extends Context.Service<
  Admission,
  {
    /** Whether the key may ask for these options, and whether they fit together. */
    check(principal: Principal, prompt: string, options: RunOptions): Effect.Effect<void, Forbidden | ValidationFailed>
    /** Takes a place for a run until the scope closes. */
    enter(tenant: TenantId): Effect.Effect<void, ShuttingDown | CapacityExceeded | InstanceOverloaded, Scope.Scope>
    /** Waits until an agent may start, however long it takes. */
    readonly startTurn: Effect.Effect<EndOfStart>
    /** The same for START_WAIT at the most. */
    readonly startTurnSoon: Effect.Effect<EndOfStart, InstanceOverloaded>
    /** Lets nobody in any more. */
    readonly shut: Effect.Effect<void>
    readonly isShut: Effect.Effect<boolean>
  }
>()("causeway/services/Admission") {
  static readonly layer = Layer.effect(
    Admission,
    Effect.gen(function* () {
      const settings = yield* Settings
      const memory = yield* MachineMemory
      const turns = makeStartTurns(settings.maxStarts, settings.startWait)
      const allowed = new Set(settings.environmentAllowed)
      const shut = yield* Ref.make(false)
      const running = new Map<TenantId, number>()
      let total = 0

      const issuesOf = (prompt: string, options: RunOptions) => {
        const issues: Array<ValidationFailed["issues"][number]> = []
        if (prompt.length > settings.maxPromptLength) {
          issues.push({ path: "body.prompt", message: `May have at most ${settings.maxPromptLength} characters` })
        }
        const refused = new Set(options.disallowed_tools)
        for (const [index, tool] of (options.allowed_tools ?? []).entries()) {
          if (refused.has(tool)) {
            issues.push({ path: `body.allowed_tools.${index}`, message: "Stands in disallowed_tools too" })
          }
        }
        for (const name of Object.keys(options.env ?? {})) {
          if (!allowed.has(name) || reservedVariable.test(name)) {
            issues.push({ path: "body.env", message: `The variable ${name.slice(0, 100)} may not be set` })
          }
        }
        return issues
      }

      const check = Effect.fn("Admission.check")(function* (principal: Principal, prompt: string, options: RunOptions) {
        if (options.permission_mode === "bypassPermissions" && !principal.has("bypass_permissions")) {
          return yield* new Forbidden({ scope: "bypass_permissions" })
        }
        if (options.expand_prompt === true && !principal.has("expand_prompt")) {
          return yield* new Forbidden({ scope: "expand_prompt" })
        }
        const issues = issuesOf(prompt, options)
        if (issues.length > 0) return yield* new ValidationFailed({ issues })
      })

      const place = (tenant: TenantId, change: 1 | -1) =>
        Effect.sync(() => {
          const left = (running.get(tenant) ?? 0) + change
          total += change
          if (left === 0) running.delete(tenant)
          else running.set(tenant, left)
        })

      // Of agents that are starting, the memory is still to be taken.
      const checkMemory = Effect.suspend(() =>
        settings.memoryReserve === 0 ? Effect.succeed(null) : memory.free
      ).pipe(
        Effect.filterOrFail(
          (free) => free === null || free >= settings.memoryReserve * (1 + turns.starting()),
          () => new InstanceOverloaded({ reason: "memory", retry_after_seconds: capacityRetry })
        )
      )

      const enter = Effect.fn("Admission.enter")(function* (tenant: TenantId) {
        if (yield* Ref.get(shut)) {
          return yield* new ShuttingDown({ retry_after_seconds: Math.ceil(settings.shutdownGrace / 1000) })
        }
        yield* checkMemory
        // From here to the place that is taken nothing is waited for.
        if ((running.get(tenant) ?? 0) >= settings.maxRunsPerTenant) {
          return yield* new CapacityExceeded({
            limit: settings.maxRunsPerTenant,
            retry_after_seconds: capacityRetry
          })
        }
        if (total >= settings.maxRuns) {
          return yield* new CapacityExceeded({ limit: settings.maxRuns, retry_after_seconds: capacityRetry })
        }
        yield* Effect.acquireRelease(place(tenant, 1), () => place(tenant, -1))
      })

      return Admission.of({
        check,
        enter,
        startTurn: turns.take,
        startTurnSoon: turns.takeSoon,
        shut: Ref.set(shut, true),
        isShut: Ref.get(shut)
      })
    })
  )
}
