import { Context, Effect, Layer, type Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { RunId } from "../domain/Run.ts"
import { RunChange, RunChangeRefusal } from "../domain/RunChange.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { json, uuids } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"

/** Names one instruction to a run. */
export const RunControlId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("RunControlId"))
export type RunControlId = typeof RunControlId.Type

/** An instruction that waits for the run's owner. */
export const RunControl = Schema.Struct({
  id: RunControlId,
  run_id: RunId,
  /** `rules`: what is allowed for its session has changed. */
  kind: Schema.Literals(["interrupt", "change", "rules"]),
  /** What is to change, where that is not said by the kind. */
  change: Schema.NullOr(RunChange)
})
export type RunControl = typeof RunControl.Type

const Changed = Schema.Struct({ change: RunChange })

/** What an owner said to an instruction. */
export const Acknowledgement = Schema.Struct({
  /** Why it was not done; null when it was. */
  refusal: Schema.NullOr(RunChangeRefusal)
})
export type Acknowledgement = typeof Acknowledgement.Type

/** Instructions to runs, wherever their owner is. */
export class RunControlRepository extends Context.Service<
  RunControlRepository,
  {
    request(tenant: TenantId, control: RunControl): Effect.Effect<void, DatabaseFailure>
    /** Instructions to these runs that nobody has acknowledged. */
    open(runs: ReadonlyArray<RunId>): Effect.Effect<ReadonlyArray<RunControl>, DatabaseFailure>
    acknowledge(id: RunControlId, refusal: RunChangeRefusal | null): Effect.Effect<void, DatabaseFailure>
    /** What has been changed of a run, oldest first. */
    changes(run: RunId): Effect.Effect<ReadonlyArray<RunChange>, DatabaseFailure>
    /** None until the owner has taken it. */
    acknowledgement(id: RunControlId): Effect.Effect<Option.Option<Acknowledgement>, DatabaseFailure>
  }
>()("causeway/storage/RunControlRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    RunControlRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const controls = allRows(RunControl)
      const acknowledgement = firstRow(Acknowledgement)
      const changed = allRows(Changed)

      const request = Effect.fn("RunControlRepository.request")((tenant: TenantId, control: RunControl) =>
        execute(
          "RunControlRepository.request",
          // Of another tenant's run there is none, and so no instruction. The same one twice is one.
          sql`
            INSERT INTO run_controls (id, tenant_id, run_id, kind, change)
            SELECT ${control.id}::uuid, tenant_id, id, ${control.kind}, ${json(control.change)} FROM runs
            WHERE id = ${control.run_id} AND tenant_id = ${tenant}
            ON CONFLICT (id) DO NOTHING`
        ).pipe(Effect.asVoid)
      )

      const open = Effect.fn("RunControlRepository.open")((runs: ReadonlyArray<RunId>) =>
        execute(
          "RunControlRepository.open",
          controls(sql`
            SELECT id, run_id, kind, change FROM run_controls
            WHERE run_id = ANY(${uuids(runs)}) AND acknowledged_at IS NULL
            ORDER BY created_at, id`)
        )
      )

      const changes = Effect.fn("RunControlRepository.changes")((run: RunId) =>
        execute(
          "RunControlRepository.changes",
          changed(sql`
            SELECT change FROM run_controls
            WHERE run_id = ${run} AND kind = 'change' AND acknowledged_at IS NOT NULL AND refusal IS NULL
            ORDER BY acknowledged_at, created_at, id`)
        ).pipe(Effect.map((rows) => rows.map(({ change }) => change)))
      )

      const acknowledge = Effect.fn("RunControlRepository.acknowledge")(
        (id: RunControlId, refusal: RunChangeRefusal | null) =>
          execute(
            "RunControlRepository.acknowledge",
            sql`
              UPDATE run_controls SET acknowledged_at = now(), refusal = ${refusal}
              WHERE id = ${id} AND acknowledged_at IS NULL`
          ).pipe(Effect.asVoid)
      )

      const acknowledgementOf = Effect.fn("RunControlRepository.acknowledgement")((id: RunControlId) =>
        execute(
          "RunControlRepository.acknowledgement",
          acknowledgement(sql`SELECT refusal FROM run_controls WHERE id = ${id} AND acknowledged_at IS NOT NULL`)
        )
      )

      return RunControlRepository.of({ request, open, changes, acknowledge, acknowledgement: acknowledgementOf })
    })
  )
}
