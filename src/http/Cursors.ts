import { Effect, Option, Result, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { PagePosition } from "../domain/Page.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import { SessionId } from "../domain/Session.ts"
import type { MessagePosition } from "../services/Sessions.ts"

const separator = "|"

const isTimestamp = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d(?::?\d\d)?)$/.test(text) &&
  !Number.isNaN(Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`))

// A cursor goes into SQL: one that a client made up must not be able to make a statement fail.
const decodePage = Schema.decodeUnknownOption(
  Schema.Tuple([Schema.String.check(Schema.makeFilter(isTimestamp)), Schema.String.check(Schema.isUUID())])
)
const decodeMessage = Schema.decodeUnknownOption(
  Schema.Tuple([SessionId, Schema.NumberFromString.pipe(Schema.decodeTo(Sequence))])
)

const decodeCheckpoint = Schema.decodeUnknownOption(
  Schema.Tuple([Schema.NumberFromString.pipe(Schema.decodeTo(Sequence)), RunId])
)

const encode = (parts: ReadonlyArray<string | number>): string => Base64Url.encode(parts.join(separator))

const decode = <Position>(
  cursor: string | undefined,
  read: (parts: ReadonlyArray<string>) => Option.Option<Position>
): Effect.Effect<Position | null, ValidationFailed> => {
  if (cursor === undefined) return Effect.succeed(null)
  const position = Option.flatMap(Result.getSuccess(Base64Url.decodeString(cursor)), (text) =>
    read(text.split(separator))
  )
  return Option.match(position, {
    onNone: () =>
      Effect.fail(
        new ValidationFailed({ issues: [{ path: "query.cursor", message: "is no next_cursor of this list" }] })
      ),
    onSome: Effect.succeed
  })
}

/** What a list says of its next page. */
export const pageEnd = (next: PagePosition | null) => ({
  next_cursor: next === null ? null : encode([next.created_at, next.id]),
  has_more: next !== null
})

/** Where a cursor of a list points to; null for the beginning. */
export const pagePosition = (cursor: string | undefined): Effect.Effect<PagePosition | null, ValidationFailed> =>
  decode(cursor, (parts) => Option.map(decodePage(parts), ([created_at, id]) => ({ created_at, id })))

/** What a session's history says of its next page. */
export const messagesEnd = (next: MessagePosition | null) => ({
  next_cursor: next === null ? null : encode([next.session_id, next.seq]),
  has_more: next !== null
})

/** Where a cursor of a session's history points to; null for the beginning. */
export const messagePosition = (cursor: string | undefined): Effect.Effect<MessagePosition | null, ValidationFailed> =>
  decode(cursor, (parts) => Option.map(decodeMessage(parts), ([session_id, seq]) => ({ session_id, seq })))

/** Where a list of checkpoints goes on: after this one. */
interface CheckpointPlace {
  readonly start_seq: Sequence
  readonly id: RunId
}

/** What a list of checkpoints says of its next page. */
export const checkpointsEnd = (next: CheckpointPlace | null) => ({
  next_cursor: next === null ? null : encode([next.start_seq, next.id]),
  has_more: next !== null
})

/** Where a cursor of a list of checkpoints points to; null for the beginning. */
export const checkpointPosition = (
  cursor: string | undefined
): Effect.Effect<CheckpointPlace | null, ValidationFailed> =>
  decode(cursor, (parts) => Option.map(decodeCheckpoint(parts), ([start_seq, id]) => ({ start_seq, id })))
