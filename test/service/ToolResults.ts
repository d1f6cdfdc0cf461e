import type { EventReader, Frame } from "./EventReader.ts"
import { at, listAt } from "./Json.ts"

/** The blocks with results of tools among the events of a run, in order. */
export const toolResultBlocks = (events: ReadonlyArray<Frame>): ReadonlyArray<unknown> =>
  events
    .filter(({ event }) => event === "message")
    .flatMap(({ data }) => listAt(data, "content"))
    .filter((block) => at(block, "type") === "tool_result")

/** What the tools of a run came to, as JSON, in order; those of its subagents too. */
export const toolResults = (stream: EventReader): ReadonlyArray<string> =>
  toolResultBlocks(stream.events).map((block) => JSON.stringify(at(block, "content")))
