import { Effect, Option, Schema } from "effect"
import type { SqlError } from "effect/sql"

/** What a statement gives. */
export type Rows = Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>

/** Runs a statement and decodes all its rows. */
export const allRows = <Row extends Schema.ConstraintDecoder<unknown>>(row: Row) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(row))
  return (rows: Rows): Effect.Effect<ReadonlyArray<Row["Type"]>, SqlError.SqlError | Schema.SchemaError> =>
    Effect.flatMap(rows, (found) => decode(found))
}

/** Runs a statement and decodes its first row, if there is one. */
export const firstRow = <Row extends Schema.ConstraintDecoder<unknown>>(row: Row) => {
  const decode = Schema.decodeUnknownEffect(row)
  return (rows: Rows): Effect.Effect<Option.Option<Row["Type"]>, SqlError.SqlError | Schema.SchemaError> =>
    Effect.flatMap(rows, ([first]) => (first === undefined ? Effect.succeedNone : Effect.asSome(decode(first))))
}
