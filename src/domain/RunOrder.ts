import { Schema } from "effect"
import { AgentEquipment } from "./AgentEquipment.ts"
import { ApiKeyScope } from "./ApiKey.ts"
import { RunOptions } from "./RunOptions.ts"
import { OnCrash, OnDisconnect } from "./RunSwitches.ts"
import { SessionId } from "./Session.ts"

/** Where a run's conversation begins: nowhere, at the session's own past, or at another session's. */
export const RunBeginning = Schema.Union([
  Schema.TaggedStruct("New", {}),
  Schema.TaggedStruct("Resume", {}),
  Schema.TaggedStruct("Fork", { from: SessionId })
])
export type RunBeginning = typeof RunBeginning.Type

/**
 * All that an instance must know to carry a run, beside what its row and its session say. It is kept as long as the
 * run is not over, so that an instance that never saw the request can start the run, or go on with it.
 */
export const RunOrder = Schema.Struct({
  prompt: Schema.String,
  beginning: RunBeginning,
  /** The model that was asked for, or the server's at that time. */
  model: Schema.String,
  options: RunOptions,
  equipment: AgentEquipment,
  /** The directories of the request, resolved. */
  additional_directories: Schema.Array(Schema.String),
  /** What the key allowed when it asked. */
  scopes: Schema.Array(ApiKeyScope),
  on_disconnect: OnDisconnect,
  on_crash: OnCrash,
  /** Whether its request has an Idempotency-Key. */
  repeatable: Schema.Boolean
})
export type RunOrder = typeof RunOrder.Type
