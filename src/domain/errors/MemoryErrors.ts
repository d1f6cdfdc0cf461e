import { Schema } from "effect"

/** Memory could not be searched before a run; the agent is told so. */
export class MemoryUnavailable extends Schema.TaggedError<MemoryUnavailable>()("MemoryUnavailable", {}) {
  override get message() {
    return "Memory is unavailable."
  }
}

/** Found memories could not be put into the prompt. */
export class MemoryInjectionFailed extends Schema.TaggedError<MemoryInjectionFailed>()("MemoryInjectionFailed", {}) {
  override get message() {
    return "Memories could not be added to the prompt."
  }
}

/** What was learned could not be saved yet; the run itself is fine. */
export class MemoryExtractFailed extends Schema.TaggedError<MemoryExtractFailed>()("MemoryExtractFailed", {}) {
  override get message() {
    return "What was learned in this run could not be saved yet."
  }
}

/** The MCP servers could not be listed, for the server's own reason. */
export class McpListFailed extends Schema.TaggedError<McpListFailed>()("McpListFailed", {}) {
  override get message() {
    return "The MCP servers could not be listed."
  }
}
