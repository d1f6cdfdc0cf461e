import { Effect } from "effect"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { NamedResources } from "../services/NamedResources.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"

/** Query parameters of a list. */
export interface PageQuery {
  readonly cursor?: string
  readonly page_size?: number
}

/** A body may repeat the id of the path, as some clients do; another one would be dropped without a word. */
const checkId = (id: string | undefined, asked: string): Effect.Effect<void, ValidationFailed> =>
  id === undefined || id === asked
    ? Effect.void
    : Effect.fail(new ValidationFailed({ issues: [{ path: "body.id", message: "is not the id of the path" }] }))

/** Answers those endpoints that change what a tenant keeps under names. */
export const changeHandlers = <Item, Content, NotFound, Refused, Change>(
  resources: Pick<NamedResources<Item, Content, NotFound, Refused, Change>, "create" | "update" | "delete">
) => ({
  create: Effect.fnUntraced(function* ({ payload }: { readonly payload: Content }) {
    return yield* resources.create(yield* CurrentPrincipal, payload)
  }),
  update: Effect.fnUntraced(function* ({
    params,
    payload
  }: {
    readonly params: { readonly id: string }
    readonly payload: Change & { readonly id?: string }
  }) {
    yield* checkId(payload.id, params.id)
    return yield* resources.update(yield* CurrentPrincipal, params.id, payload)
  }),
  delete: Effect.fnUntraced(function* ({ params }: { readonly params: { readonly id: string } }) {
    return yield* resources.delete(yield* CurrentPrincipal, params.id)
  })
})

/** Answers the endpoints that all things have which a tenant keeps under names. */
export const namedResourceHandlers = <Item, Content, NotFound, Refused, Change>(
  resources: NamedResources<Item, Content, NotFound, Refused, Change>
) => ({
  ...changeHandlers(resources),
  get: Effect.fnUntraced(function* ({ params }: { readonly params: { readonly id: string } }) {
    return yield* resources.get(yield* CurrentPrincipal, params.id)
  }),
  /** A page, without the name of the list. */
  list: Effect.fnUntraced(function* ({ cursor, page_size = defaultPageSize }: PageQuery) {
    const position = yield* pagePosition(cursor)
    const { items, next } = yield* resources.list(yield* CurrentPrincipal, position, page_size)
    return { items, end: pageEnd(next) }
  })
})
