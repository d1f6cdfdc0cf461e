import { Schema } from "effect"
import { MemoryId } from "../Memory.ts"

/** No such memory, or another tenant's. */
export class MemoryNotFound extends Schema.TaggedError<MemoryNotFound>()("MemoryNotFound", {
  memory_id: MemoryId
}) {
  override get message() {
    return "There is no such memory."
  }
}

/** No change of the memory is left that could be taken back. */
export class MemoryUnchanged extends Schema.TaggedError<MemoryUnchanged>()("MemoryUnchanged", {
  memory_id: MemoryId
}) {
  override get message() {
    return "There is no change of this memory to take back."
  }
}

/** No model is configured that could find what is worth remembering. */
export class MemoryModelMissing extends Schema.TaggedError<MemoryModelMissing>()("MemoryModelMissing", {}) {
  override get message() {
    return "No model is configured that finds what to remember. Send text instead of messages, or set MEMORY_MODEL."
  }
}

/** The model that finds what is worth remembering did not answer, or not as it was asked to. */
export class MemoryModelFailed extends Schema.TaggedError<MemoryModelFailed>()("MemoryModelFailed", {
  reason: Schema.Literals(["unreachable", "timeout", "refused", "nonsense"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The model that finds what to remember gave no usable answer; nothing was stored."
  }
}

/** The embedder did not answer in time, or not as it was asked to; memory is searched by words alone. */
export class EmbedderFailed extends Schema.TaggedError<EmbedderFailed>()("EmbedderFailed", {
  reason: Schema.Literals(["unreachable", "timeout", "refused", "nonsense"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "The embedder gave no usable answer."
  }
}

/** Memory could not be searched before a run; the agent is told so. */
export class MemoryUnavailable extends Schema.TaggedError<MemoryUnavailable>()("MemoryUnavailable", {
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "Memory is unavailable."
  }
}

/** Found memories could not be put into the prompt. */
export class MemoryInjectionFailed extends Schema.TaggedError<MemoryInjectionFailed>()("MemoryInjectionFailed", {
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "Memories could not be added to the prompt."
  }
}

/** What was learned could not be saved yet; the run itself is fine. */
export class MemoryExtractFailed extends Schema.TaggedError<MemoryExtractFailed>()("MemoryExtractFailed", {
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return "What was learned in this run could not be saved yet."
  }
}
