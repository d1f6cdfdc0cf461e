import { Effect, Schema } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { Rows } from "./Rows.ts"

const Position = Schema.Struct({ created_at: Schema.String, id: Schema.String })

/** The part of a condition that begins a page after a position, in a list that is newest first. */
export const after = (sql: SqlClient.SqlClient, position: PagePosition | null): Statement.Fragment =>
  position === null
    ? sql.literal("true")
    : sql`(created_at, id) < (${position.created_at}::timestamptz, ${position.id}::uuid)`

/**
 * Makes a page of rows that were selected with one more than its size: the one more says that there is a next page.
 * A row that does not decode fails the page, unless the items are decoded in another way.
 */
export const pageOf = <Item extends Schema.ConstraintDecoder<unknown>>(
  item: Item,
  decodeItems: (
    found: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<Item["Type"]>, Schema.SchemaError> = Schema.decodeUnknownEffect(Schema.Array(item))
) => {
  const decodePosition = Schema.decodeUnknownEffect(Position)
  return (size: number, rows: Rows): Effect.Effect<Page<Item["Type"]>, SqlError.SqlError | Schema.SchemaError> =>
    Effect.gen(function* () {
      const found = yield* rows
      const items = yield* decodeItems(found.slice(0, size))
      return { items, next: found.length > size ? yield* decodePosition(found[size - 1]) : null }
    })
}
