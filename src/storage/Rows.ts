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

/** Decodes rows one by one: one that does not decode is left out and logged, so that it cannot hide the others. */
export const readableRows = <Row extends Schema.ConstraintDecoder<unknown>>(table: string, row: Row) => {
  const decode = Schema.decodeUnknownEffect(row)
  return (found: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row["Type"]>> =>
    Effect.forEach(found, (one) =>
      Effect.option(Effect.tapError(decode(one), (cause) => logUnreadable(table, cause)))
    ).pipe(Effect.map((rows) => rows.flatMap(Option.toArray)))
}

const logUnreadable = (table: string, cause: Schema.SchemaError) =>
  Effect.logWarning(`A row of ${table} cannot be read and is left out`, cause)
