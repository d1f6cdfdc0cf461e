import { Context, Effect, Layer, Option, Schema } from "effect"
import type { RunId } from "../domain/Run.ts"
import { RunOrder } from "../domain/RunOrder.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { Sealing, type SecretPlace } from "../storage/Sealing.ts"

const Text = Schema.fromJsonString(RunOrder)
const encode = Schema.encodeEffect(Text)
const decode = Schema.decodeEffect(Text)

const place = (tenant: TenantId, run: RunId): SecretPlace => ({ tenant, use: `run_order ${run}` })

/** Runs' orders as they are kept: sealed, since prompts and environments are the client's. */
export class RunOrders extends Context.Service<
  RunOrders,
  {
    seal(tenant: TenantId, run: RunId, order: RunOrder): Effect.Effect<string>
    /** None when it was sealed with another key, or by a version of the service that kept something else. */
    open(tenant: TenantId, run: RunId, sealed: string): Effect.Effect<Option.Option<RunOrder>>
  }
>()("causeway/services/RunOrders") {
  static readonly layer = Layer.effect(
    RunOrders,
    Effect.gen(function* () {
      const sealing = yield* Sealing

      const seal = Effect.fn("RunOrders.seal")(function* (tenant: TenantId, run: RunId, order: RunOrder) {
        // An order is made of what was decoded: one that does not encode is a bug.
        return yield* sealing.seal(place(tenant, run), yield* Effect.orDie(encode(order)))
      })

      const open = Effect.fn("RunOrders.open")((tenant: TenantId, run: RunId, sealed: string) =>
        sealing.open(place(tenant, run), sealed).pipe(
          Effect.flatMap(decode),
          Effect.tapError((cause) =>
            Effect.logError("A run's order cannot be read", cause).pipe(Effect.annotateLogs({ run_id: run }))
          ),
          Effect.option
        )
      )

      return RunOrders.of({ seal, open })
    })
  )
}
