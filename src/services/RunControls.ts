import { Context, Effect, Layer, Option, Schedule, type Scope, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Doorbell } from "../cache/Doorbell.ts"
import { RunUnresponsive } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { RunId } from "../domain/Run.ts"
import type { RunChange, RunChangeRefusal } from "../domain/RunChange.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { type RunControl, RunControlId, RunControlRepository } from "../storage/RunControlRepository.ts"

/** How often an owner looks for instructions that no ring announced, in milliseconds. */
const lookEvery = 500

/** How often the sender looks whether its instruction was taken. */
const askEvery = 50

/** How long an owner has to take an instruction. */
const patience = 5000

const bell = "control"

/** A run of this instance, as it takes instructions. */
export interface ObedientRun {
  readonly interrupt: Effect.Effect<void>
  /** Answers with why it does not change, or null. */
  change(change: RunChange): Effect.Effect<RunChangeRefusal | null>
  /** The same of what is allowed for its session now. */
  readonly renewRules: Effect.Effect<RunChangeRefusal | null, DatabaseFailure>
}

/**
 * Instructions to runs, wherever they are: a row in the database that the owner finds by
 * a ring or by looking twice a second, applies, and acknowledges.
 */
export class RunControls extends Context.Service<
  RunControls,
  {
    /** Interrupts a run; answers when its owner has taken it. */
    interrupt(tenant: TenantId, run: RunId): Effect.Effect<void, RunUnresponsive | DatabaseFailure>
    /** Changes a run; answers when its agent has, or with why it has not. */
    change(
      tenant: TenantId,
      run: RunId,
      change: RunChange
    ): Effect.Effect<RunChangeRefusal | null, RunUnresponsive | DatabaseFailure>
    /** Has a run go by what is allowed for its session now; answers when its agent does, or with why it does not. */
    renewRules(tenant: TenantId, run: RunId): Effect.Effect<RunChangeRefusal | null, RunUnresponsive | DatabaseFailure>
    /** Applies instructions to a run of this instance until the scope closes. */
    obey(run: RunId, obedient: ObedientRun): Effect.Effect<void, never, Scope.Scope>
  }
>()("causeway/services/RunControls") {
  static readonly layer = Layer.effect(
    RunControls,
    Effect.gen(function* () {
      const controls = yield* RunControlRepository
      const doorbell = yield* Doorbell
      const random = yield* SecureRandom.SecureRandom
      const scope = yield* Effect.scope
      const obeying = new Map<RunId, ObedientRun>()
      // An agent takes its time: an interrupt does not wait behind a change, nor one run behind another.
      const underWay = new Set<string>()

      const obeyed = ({ change, kind }: RunControl, run: ObedientRun) => {
        if (kind === "rules") return run.renewRules
        return change === null ? Effect.as(run.interrupt, null) : run.change(change)
      }

      const apply = Effect.fnUntraced(function* (control: RunControl, run: ObedientRun) {
        yield* controls.acknowledge(control.id, yield* obeyed(control, run))
      })

      const take = (control: RunControl) => {
        const run = obeying.get(control.run_id)
        const key = `${control.kind} ${control.run_id}`
        if (run === undefined || underWay.has(key)) return Effect.void
        underWay.add(key)
        return apply(control, run).pipe(
          Effect.catch((failure) => Effect.logDebug("An instruction cannot be acknowledged", failure)),
          Effect.ensuring(Effect.sync(() => underWay.delete(key))),
          Effect.forkIn(scope)
        )
      }

      const look = Effect.gen(function* () {
        if (obeying.size === 0) return
        yield* Effect.forEach(yield* controls.open([...obeying.keys()]), take, { discard: true })
      }).pipe(Effect.catch((failure) => Effect.logDebug("Instructions cannot be read", failure)))

      yield* doorbell.rings.pipe(
        Stream.filter((name) => name === bell || name === ""),
        Stream.merge(Stream.tick(lookEvery)),
        Stream.runForEach(() => look),
        Effect.forkScoped
      )

      const send = Effect.fnUntraced(function* (
        tenant: TenantId,
        instruction: Omit<RunControl, "id">
      ): Effect.fn.Return<RunChangeRefusal | null, RunUnresponsive | DatabaseFailure> {
        const id = RunControlId.make(yield* random.uuidV7())
        yield* controls.request(tenant, { id, ...instruction })
        yield* doorbell.ring(bell)
        const taken = yield* controls
          .acknowledgement(id)
          .pipe(
            Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced(askEvery) }),
            Effect.timeoutOption(patience)
          )
        const acknowledgement = Option.flatten(taken)
        if (Option.isNone(acknowledgement)) return yield* new RunUnresponsive({ run_id: instruction.run_id })
        return acknowledgement.value.refusal
      })

      return RunControls.of({
        interrupt: Effect.fn("RunControls.interrupt")((tenant, run_id) =>
          Effect.asVoid(send(tenant, { run_id, kind: "interrupt", change: null }))
        ),
        change: Effect.fn("RunControls.change")((tenant, run_id, change) =>
          send(tenant, { run_id, kind: "change", change })
        ),
        renewRules: Effect.fn("RunControls.renewRules")((tenant, run_id) =>
          send(tenant, { run_id, kind: "rules", change: null })
        ),
        obey: (run, obedient) =>
          Effect.acquireRelease(
            Effect.sync(() => obeying.set(run, obedient)),
            () => Effect.sync(() => obeying.delete(run))
          )
      })
    })
  )
}
