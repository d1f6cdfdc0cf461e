import { PgTypes } from "@effect/sql-pg"
import { Result } from "effect"
import { databaseTypes } from "./DatabaseTypes.ts"

// The driver infers an array's type from its elements, which fails for mixed or missing ones.
const array = (oid: number) => (values: ReadonlyArray<unknown>) =>
  Result.getOrThrow(PgTypes.array(values, oid, databaseTypes))

/** An array of UUIDs as a parameter. */
export const uuids: (values: ReadonlyArray<string>) => PgTypes.Parameter = array(PgTypes.OID.uuid)

/** An array of 64-bit integers as a parameter. */
export const integers: (values: ReadonlyArray<number>) => PgTypes.Parameter = array(PgTypes.OID.int8)

/** An array of numbers as a parameter. */
export const reals: (values: ReadonlyArray<number>) => PgTypes.Parameter = array(PgTypes.OID.float8)

/** An array of truth values as a parameter. */
export const flags: (values: ReadonlyArray<boolean>) => PgTypes.Parameter = array(PgTypes.OID.bool)

/** An array of texts as a parameter. */
export const texts: (values: ReadonlyArray<string | null>) => PgTypes.Parameter = array(PgTypes.OID.text)

/** A JSON value as a parameter, or NULL. The columns are `json`: `jsonb` takes neither \u0000 nor a lone surrogate. */
export const json = (value: unknown): PgTypes.Parameter => PgTypes.json(value)

/** Text that PostgreSQL can store: it has no way to keep the character NUL. */
export const storable = <Text extends string | null>(text: Text): Text | string =>
  text === null ? text : text.replaceAll("\0", "\u{fffd}")

/** An array of byte strings as a parameter. */
export const byteStrings: (values: ReadonlyArray<Uint8Array>) => PgTypes.Parameter = array(PgTypes.OID.bytea)
