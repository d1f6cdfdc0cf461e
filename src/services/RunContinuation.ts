import { Effect, Exit, Option, Scope } from "effect"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { LeaseLost } from "../domain/errors/SessionErrors.ts"
import type { RunChange } from "../domain/RunChange.ts"
import type { RunOrder } from "../domain/RunOrder.ts"
import { Settings } from "../domain/Settings.ts"
import { ApprovalRepository } from "../storage/ApprovalRepository.ts"
import { RunControlRepository } from "../storage/RunControlRepository.ts"
import type { StoredRun } from "../storage/StoredRun.ts"
import { Admission } from "./Admission.ts"
import { Executions } from "./Executions.ts"
import { RunOrders } from "./RunOrders.ts"
import { fieldsOf, makeRunLoss } from "./RunLoss.ts"
import { makeSuspension } from "./RunSuspension.ts"

/** An order after a change that the run's agent had made. */
const changed = (order: RunOrder, { model, permission_mode }: RunChange): RunOrder => ({
  ...order,
  ...(model === undefined ? {} : { model }),
  ...(permission_mode === undefined ? {} : { options: { ...order.options, permission_mode } })
})

/** Goes on with a run that this instance has taken, from what is stored of it, in a place of its own. */
export type ContinueRun = (
  stored: StoredRun,
  place: Scope.Closeable
) => Effect.Effect<void, DatabaseFailure | LeaseLost>

/**
 * Makes what goes on with a run that this instance never saw the request of, or has forgotten: one that waited for its
 * turn, or whose instance has died or let it go. What it says is one more segment of the run's stream, under the same
 * id and with the next numbers.
 */
export const makeContinuation = Effect.gen(function* () {
  const { logPrompts } = yield* Settings
  const admission = yield* Admission
  const executions = yield* Executions
  const approvals = yield* ApprovalRepository
  const controls = yield* RunControlRepository
  const orders = yield* RunOrders
  const lose = yield* makeRunLoss
  const suspend = yield* makeSuspension

  const continueRun: ContinueRun = Effect.fn("RunContinuation.continueRun")(
    function* (stored, place) {
      const { cwd, lease, losses, run, tenant_id } = stored
      const order = stored.order === null ? Option.none() : yield* orders.open(tenant_id, run.id, stored.order)
      if (Option.isNone(order)) {
        yield* Scope.close(place, Exit.void)
        return yield* lose(stored)
      }
      const changes = yield* controls.changes(run.id)
      // What is gone with its process, nobody wants to know any more.
      yield* approvals.abandon(lease)
      const standing = yield* approvals.standing(run.id)
      if (Option.exists(standing, ({ status }) => status === "pending")) return yield* suspend(stored, place)
      const hasBegun = losses > 0 || run.last_seq > run.start_seq
      yield* executions.carry(
        {
          tenant_id,
          lease,
          run,
          cwd,
          order: changes.reduce(changed, order.value),
          fields: fieldsOf(stored, logPrompts)
        },
        {
          segment: hasBegun ? "resumed" : "first",
          answered: Option.getOrNull(standing),
          place,
          startTurn: admission.startTurn,
          background: true
        }
      )
    },
    (continuing, _stored, place) => Effect.onError(continuing, () => Scope.close(place, Exit.void))
  )
  return continueRun
})
