import { Effect, Redacted } from "effect"
import { CurrentPrincipal } from "../domain/ApiKey.ts"
import { defaultPageSize } from "../domain/Page.ts"
import type { ShareId } from "../domain/Share.ts"
import type { Shares } from "../services/Shares.ts"
import { pageEnd, pagePosition } from "./Cursors.ts"
import type { PageQuery } from "./NamedResources.ts"

/** Answers those endpoints of shares that are the same for all things. */
export const shareHandlers = <Subject, NotFound, NotShared>(shares: Shares<Subject, NotFound, NotShared>) => ({
  create: Effect.fnUntraced(function* (subject: string, seconds: number | undefined) {
    const { share, token } = yield* shares.share(yield* CurrentPrincipal, subject, seconds)
    return { ...share, share_token: Redacted.value(token) }
  }),
  list: Effect.fnUntraced(function* (subject: string, { cursor, page_size = defaultPageSize }: PageQuery) {
    const position = yield* pagePosition(cursor)
    const { items, next } = yield* shares.list(yield* CurrentPrincipal, subject, position, page_size)
    return { shares: items, ...pageEnd(next) }
  }),
  revoke: Effect.fnUntraced(function* (subject: string, id: ShareId) {
    return yield* shares.revoke(yield* CurrentPrincipal, subject, id)
  }),
  revokeAll: Effect.fnUntraced(function* (subject: string) {
    return yield* shares.revokeAll(yield* CurrentPrincipal, subject)
  })
})
