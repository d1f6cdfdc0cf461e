import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import type { ProjectId } from "../domain/Project.ts"
import type { KeptTextFilter, KeptTexts } from "../services/KeptTexts.ts"
import { Skills } from "../services/Skills.ts"
import { SlashCommands } from "../services/SlashCommands.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"
import { changeHandlers, type PageQuery } from "./NamedResources.ts"

/** Answers the endpoints that skills and slash commands have in common. */
const keptTextHandlers = <Item, NotFound, Readonly>(texts: KeptTexts<Item, NotFound, Readonly>) => ({
  ...changeHandlers(texts),
  get: Effect.fnUntraced(function* ({
    params,
    query
  }: {
    readonly params: { readonly id: string }
    readonly query: { readonly project_id?: ProjectId }
  }) {
    return yield* texts.get(yield* CurrentPrincipal, params.id, query.project_id)
  }),
  /** A page, without the name of the list. */
  list: Effect.fnUntraced(function* ({ cursor, page_size = defaultPageSize, ...filter }: PageQuery & KeptTextFilter) {
    const position = yield* pagePosition(cursor)
    const { items, next } = yield* texts.list(yield* CurrentPrincipal, filter, position, page_size)
    return { items, end: pageEnd(next) }
  })
})

/** Answers the endpoints of skills. */
export const SkillsHandlers = HttpApiBuilder.group(
  Api,
  "skills",
  Effect.fn(function* (handlers) {
    const skills = keptTextHandlers(yield* Skills)
    return handlers
      .handle("create", skills.create)
      .handle("list", ({ query }) => Effect.map(skills.list(query), ({ end, items }) => ({ skills: items, ...end })))
      .handle("get", skills.get)
      .handle("update", skills.update)
      .handle("delete", skills.delete)
  })
)

/** Answers the endpoints of slash commands. */
export const SlashCommandsHandlers = HttpApiBuilder.group(
  Api,
  "slashCommands",
  Effect.fn(function* (handlers) {
    const commands = keptTextHandlers(yield* SlashCommands)
    return handlers
      .handle("create", commands.create)
      .handle("list", ({ query }) =>
        Effect.map(commands.list(query), ({ end, items }) => ({ commands: items, ...end }))
      )
      .handle("get", commands.get)
      .handle("update", commands.update)
      .handle("delete", commands.delete)
  })
)
