import { Effect, Option, type Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Principal } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { Settings } from "../domain/Settings.ts"
import { type Share, ShareId } from "../domain/Share.ts"
import type { ShareRecords, Shown } from "../storage/ShareRecords.ts"
import { makeSecrets } from "./ApiKeySecrets.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** A share that was just made. Its token can be seen here and never again. */
export interface IssuedShare {
  readonly share: Share
  readonly token: Redacted.Redacted
}

/** Things of one kind that a tenant shows to whoever has a token. `subject` is the thing's id or name, as its paths have it. */
export interface Shares<Subject, NotFound, NotShared> {
  /** Lets everybody who has the token, and a key of any tenant, see a thing for so many seconds, or for SHARE_LIFE. */
  share(
    principal: Principal,
    subject: string,
    seconds: number | undefined
  ): Effect.Effect<IssuedShare, NotFound | DatabaseFailure>
  /** Those of a thing that hold, newest first. */
  list(
    principal: Principal,
    subject: string,
    position: PagePosition | null,
    size: number
  ): Effect.Effect<Page<Share>, NotFound | ReadFailure>
  /** Takes one back. */
  revoke(
    principal: Principal,
    subject: string,
    id: ShareId
  ): Effect.Effect<void, NotFound | NotShared | DatabaseFailure>
  /** Takes all of a thing back. */
  revokeAll(principal: Principal, subject: string): Effect.Effect<void, NotFound | DatabaseFailure>
  /** What a token shows as it is now, whosever it is. */
  find(token: Redacted.Redacted): Effect.Effect<Shown<Subject>, NotShared | DatabaseFailure>
}

/** Makes what a service of shares does, over their records. */
export const makeShares = Effect.fnUntraced(function* <Subject, NotFound, NotShared>(
  records: ShareRecords<Subject>,
  failures: {
    readonly notFound: (subject: string) => NotFound
    readonly notShared: () => NotShared
  }
) {
  const { shareLife } = yield* Settings
  const random = yield* SecureRandom.SecureRandom
  const secrets = yield* makeSecrets

  const orElse =
    <E>(failure: () => E) =>
    <A>(found: Option.Option<A>): Effect.Effect<A, E> =>
      Option.isSome(found) ? Effect.succeed(found.value) : Effect.fail(failure())

  const orNotFound = (subject: string) => orElse(() => failures.notFound(subject))

  const shares: Shares<Subject, NotFound, NotShared> = {
    share: Effect.fnUntraced(function* ({ tenant_id }, subject, seconds) {
      const { hash, secret } = yield* secrets.issue
      const id = ShareId.make(yield* random.uuidV7())
      const life = seconds === undefined ? shareLife : seconds * 1000
      const created = yield* records.create(tenant_id, subject, id, hash, life)
      return { share: yield* orNotFound(subject)(created), token: secret }
    }),
    list: ({ tenant_id }, subject, position, size) =>
      Effect.flatMap(asRead(records.list(tenant_id, subject, position, size)), orNotFound(subject)),
    revoke: Effect.fnUntraced(function* ({ tenant_id }, subject, id) {
      const revoked = yield* orNotFound(subject)(yield* records.revoke(tenant_id, subject, id))
      if (!revoked) return yield* Effect.fail(failures.notShared())
    }),
    revokeAll: ({ tenant_id }, subject) =>
      Effect.flatMap(records.revokeAll(tenant_id, subject), (exists) =>
        exists ? Effect.void : Effect.fail(failures.notFound(subject))
      ),
    find: Effect.fnUntraced(function* (token) {
      return yield* orElse(failures.notShared)(yield* records.find(yield* secrets.hash(token)))
    })
  }
  return shares
})
