import { Effect, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Principal } from "../domain/ApiKey.ts"
import type { ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import type { AlreadyExists, DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { NamedRecords } from "../storage/NamedRecords.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** What a tenant keeps under names. Another tenant's do not exist for it. */
export interface NamedResources<Item, Content, NotFound, Refused = AlreadyExists, Change = Content> {
  create(principal: Principal, content: Content): Effect.Effect<Item, Refused | ResourceLimitReached | DatabaseFailure>
  get(principal: Principal, id: string): Effect.Effect<Item, NotFound | ReadFailure>
  list(principal: Principal, position: PagePosition | null, size: number): Effect.Effect<Page<Item>, ReadFailure>
  update(principal: Principal, id: string, change: Change): Effect.Effect<Item, NotFound | Refused | DatabaseFailure>
  delete(principal: Principal, id: string): Effect.Effect<void, NotFound | DatabaseFailure>
  /** What is named by ids or names, in that order; all of it must be there. */
  pick(
    principal: Principal,
    references: ReadonlyArray<string>
  ): Effect.Effect<ReadonlyArray<Item>, NotFound | ReadFailure>
}

/** Makes what a service of such things does, over their records. */
export const makeNamedResources = Effect.fnUntraced(function* <
  Item extends { readonly id: string; readonly name: string },
  Content,
  Change,
  NotFound,
  Refused = never
>(records: NamedRecords<Item, Content, Change, Refused>, notFound: (reference: string) => NotFound) {
  const random = yield* SecureRandom.SecureRandom

  const orNotFound =
    (reference: string) =>
    <A>(found: Option.Option<A>): Effect.Effect<A, NotFound> =>
      Option.isSome(found) ? Effect.succeed(found.value) : Effect.fail(notFound(reference))

  const resources: NamedResources<Item, Content, NotFound, AlreadyExists | Refused, Change> = {
    create: Effect.fnUntraced(function* (principal, content) {
      return yield* records.create(principal.tenant_id, yield* random.uuidV7(), content)
    }),
    get: (principal, id) => Effect.flatMap(asRead(records.find(principal.tenant_id, id)), orNotFound(id)),
    list: (principal, position, size) => asRead(records.list(principal.tenant_id, position, size)),
    update: (principal, id, change) => Effect.flatMap(records.update(principal.tenant_id, id, change), orNotFound(id)),
    delete: (principal, id) =>
      Effect.flatMap(records.delete(principal.tenant_id, id), (deleted) =>
        deleted ? Effect.void : Effect.fail(notFound(id))
      ),
    pick: Effect.fnUntraced(function* (principal, references) {
      const found = yield* asRead(records.findNamed(principal.tenant_id, references))
      return yield* Effect.forEach(references, (reference) =>
        orNotFound(reference)(
          Option.fromNullishOr(found.find(({ id, name }) => id === reference.toLowerCase() || name === reference))
        )
      )
    })
  }
  return resources
})
