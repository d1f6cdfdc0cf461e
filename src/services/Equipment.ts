import { Context, Effect, Layer } from "effect"
import { type AgentEquipment, noEquipment } from "../domain/AgentEquipment.ts"
import type { Principal } from "../domain/ApiKey.ts"
import type { RunRequest } from "./RunRequest.ts"

/** A request whose agent is equipped. */
export interface Equipped {
  /**
   * The request with everything that it named put in its place, as it was when it was asked. It can be stored and
   * equipped again, on any instance, and means the same then, whatever has been changed or deleted since.
   */
  readonly request: RunRequest
  readonly equipment: AgentEquipment
}

/** Gets together what a run's agent works with beside its tools, before anything is written. */
export class Equipment extends Context.Service<
  Equipment,
  {
    assemble(principal: Principal, request: RunRequest): Effect.Effect<Equipped>
  }
>()("causeway/services/Equipment") {
  static readonly layer = Layer.succeed(Equipment, {
    assemble: Effect.fn("Equipment.assemble")((_principal, request) =>
      Effect.succeed({
        request,
        equipment: { ...noEquipment, subagents: request.options.agents ?? {} }
      })
    )
  })
}
