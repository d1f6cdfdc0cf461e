import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import type { NewMemories } from "../api/Memories.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { Memories } from "../services/Memories.ts"
import { MemoryLearning } from "../services/MemoryLearning.ts"
import type { Said } from "../services/MemoryPlan.ts"
import { MemoryPreferences } from "../services/MemoryPreferences.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

/** Results of a search whose request does not say how many it wants. */
const defaultLimit = 10

type Messages = (typeof NewMemories.Type)["messages"]

/** Messages as the model is shown them; a text alone was the user's. */
const saidIn = (messages: Messages): ReadonlyArray<Said> =>
  typeof messages === "string"
    ? [{ role: "user", text: messages }]
    : (messages ?? []).map(({ content, name, role }) => ({
        role,
        text: name === undefined ? content : `${name}: ${content}`
      }))

/** Answers the endpoints of memories. */
export const MemoriesHandlers = HttpApiBuilder.group(
  Api,
  "memories",
  Effect.fn(function* (handlers) {
    const memories = yield* Memories
    const learning = yield* MemoryLearning
    const preferences = yield* MemoryPreferences
    return handlers
      .handle(
        "add",
        Effect.fn("memories.add")(function* ({ payload }) {
          const { enable_graph: _graph, messages, metadata = {}, text, ...scope } = payload
          const principal = yield* CurrentPrincipal
          const stored =
            text === undefined
              ? yield* learning.learn(principal, saidIn(messages), metadata, scope)
              : [yield* memories.add(principal, text, metadata, scope)]
          return { memories: stored, count: stored.length }
        })
      )
      .handle(
        "search",
        Effect.fn("memories.search")(function* ({ payload }) {
          const { enable_graph: _graph, limit = defaultLimit, query, ...scope } = payload
          const found = yield* memories.search(yield* CurrentPrincipal, query, scope, limit)
          return {
            results: found.map(({ id, memory, metadata, score }) => ({ id, memory, score, metadata })),
            count: found.length
          }
        })
      )
      .handle(
        "list",
        Effect.fn("memories.list")(function* ({ query: { cursor, include_invalid, page_size, ...scope } }) {
          const filter = { ...scope, include_invalid: include_invalid === "true" }
          const position = yield* pagePosition(cursor)
          const page = yield* memories.list(yield* CurrentPrincipal, filter, position, page_size ?? defaultPageSize)
          return { memories: page.items, count: page.items.length, ...pageEnd(page.next) }
        })
      )
      .handle(
        "deleteAll",
        Effect.fn("memories.deleteAll")(function* ({ query }) {
          const count = yield* memories.deleteAll(yield* CurrentPrincipal, query)
          return { deleted: true, message: `${count} memories deleted.`, count }
        })
      )
      .handle(
        "settings",
        Effect.fn("memories.settings")(function* () {
          return yield* preferences.get(yield* CurrentPrincipal)
        })
      )
      .handle(
        "changeSettings",
        Effect.fn("memories.changeSettings")(function* ({ payload }) {
          return yield* preferences.change(yield* CurrentPrincipal, payload)
        })
      )
      .handle(
        "get",
        Effect.fn("memories.get")(function* ({ params }) {
          return yield* memories.get(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "update",
        Effect.fn("memories.update")(function* ({ params, payload }) {
          return yield* memories.update(yield* CurrentPrincipal, params.id, payload)
        })
      )
      .handle(
        "delete",
        Effect.fn("memories.delete")(function* ({ params }) {
          yield* memories.delete(yield* CurrentPrincipal, params.id)
          return { deleted: true, message: "The memory was deleted." }
        })
      )
      .handle(
        "history",
        Effect.fn("memories.history")(function* ({ params, query: { cursor, page_size = defaultPageSize } }) {
          const position = yield* pagePosition(cursor)
          const page = yield* memories.history(yield* CurrentPrincipal, params.id, position, page_size)
          return { history: page.items, ...pageEnd(page.next) }
        })
      )
      .handle(
        "invalidate",
        Effect.fn("memories.invalidate")(function* ({ params }) {
          return yield* memories.invalidate(yield* CurrentPrincipal, params.id)
        })
      )
      .handle(
        "undo",
        Effect.fn("memories.undo")(function* ({ params }) {
          return yield* memories.undo(yield* CurrentPrincipal, params.id)
        })
      )
  })
)
