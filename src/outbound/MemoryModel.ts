import { Context, Effect, type Schema } from "effect"
import type { MemoryModelFailed, MemoryModelMissing } from "../domain/errors/MemoryErrors.ts"

/** What the model is asked, and the form in which it is to answer. */
export interface MemoryModelRequest {
  readonly system: string
  readonly prompt: string
  /** A JSON schema. */
  readonly schema: Readonly<Record<string, Schema.Json>>
}

/** What the model answered: JSON of the asked form, if it kept to it. */
export interface MemoryModelAnswer {
  readonly value: unknown
  /** Dollars; null when the model's price is not known. */
  readonly cost_usd: number | null
}

/** The model that finds what is worth remembering. */
export class MemoryModel extends Context.Service<
  MemoryModel,
  {
    /** Whether one is configured. */
    readonly configured: boolean
    ask(request: MemoryModelRequest): Effect.Effect<MemoryModelAnswer, MemoryModelFailed | MemoryModelMissing>
  }
>()("causeway/outbound/MemoryModel") {}
