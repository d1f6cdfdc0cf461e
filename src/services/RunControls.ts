import { Context, Effect, Layer, Option, Schedule, type Scope, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Doorbell } from "../cache/Doorbell.ts"
import { RunUnresponsive } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { RunControlId, RunControlRepository } from "../storage/RunControlRepository.ts"

/** How often an owner looks for instructions that no ring announced, in milliseconds. */
const lookEvery = 500

/** How often the sender looks whether its instruction was taken. */
const askEvery = 50

/** How long an owner has to take an instruction. */
const patience = 5000

const bell = "control"

/**
 * Instructions to runs, wherever they are: a row in the database that the owner finds by
 * a ring or by looking twice a second, applies, and acknowledges.
 */
export class RunControls extends Context.Service<
  RunControls,
  {
    /** Interrupts a run; answers when its owner has taken it. */
    interrupt(tenant: TenantId, run: RunId): Effect.Effect<void, RunUnresponsive | DatabaseFailure>
    /** Applies instructions to a run of this instance until the scope closes. */
    obey(run: RunId, interrupt: Effect.Effect<void>): Effect.Effect<void, never, Scope.Scope>
  }
>()("causeway/services/RunControls") {
  static readonly layer = Layer.effect(
    RunControls,
    Effect.gen(function* () {
      const controls = yield* RunControlRepository
      const doorbell = yield* Doorbell
      const random = yield* SecureRandom.SecureRandom
      const obeying = new Map<RunId, Effect.Effect<void>>()

      const look = Effect.gen(function* () {
        if (obeying.size === 0) return
        for (const { id, run_id } of yield* controls.open([...obeying.keys()])) {
          const interrupt = obeying.get(run_id)
          if (interrupt === undefined) continue
          yield* interrupt
          yield* controls.acknowledge(id)
        }
      }).pipe(Effect.catch((failure) => Effect.logDebug("Instructions cannot be read", failure)))

      yield* doorbell.rings.pipe(
        Stream.filter((name) => name === bell || name === ""),
        Stream.merge(Stream.tick(lookEvery)),
        Stream.runForEach(() => look),
        Effect.forkScoped
      )

      const interrupt = Effect.fn("RunControls.interrupt")(function* (tenant: TenantId, run_id: RunId) {
        const id = RunControlId.make(yield* random.uuidV7())
        yield* controls.request(tenant, { id, run_id, kind: "interrupt" })
        yield* doorbell.ring(bell)
        const taken = yield* controls
          .isAcknowledged(id)
          .pipe(
            Effect.repeat({ until: (acknowledged) => acknowledged, schedule: Schedule.spaced(askEvery) }),
            Effect.timeoutOption(patience)
          )
        if (Option.isNone(taken)) return yield* new RunUnresponsive({ run_id })
      })

      return RunControls.of({
        interrupt,
        obey: (run, interrupt) =>
          Effect.acquireRelease(
            Effect.sync(() => obeying.set(run, interrupt)),
            () => Effect.sync(() => obeying.delete(run))
          )
      })
    })
  )
}
