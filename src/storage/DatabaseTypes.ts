import { PgTypes } from "@effect/sql-pg"
import { Result } from "effect"

const postgresEpoch = Date.UTC(2000, 0, 1)
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const encodeInt8 = (value: bigint | number) => {
  const bytes = new Uint8Array(8)
  view(bytes).setBigInt64(0, BigInt(value))
  return Result.succeed(bytes)
}

/** Sequence numbers and fences stay far below 2^53; beyond it `Schema.Int` refuses the number. */
const int8: PgTypes.Codec<number | bigint> = {
  encode: encodeInt8,
  decode: (bytes) => Result.succeed(Number(view(bytes).getBigInt64(0)))
}

const infinity = (1n << 63n) - 1n

/** A moment as RFC 3339 with all six digits: a `Date` would lose three, and with them the place in a list. */
const timestamptz: PgTypes.Codec<string> = {
  encode: () => Result.fail(new PgTypes.CodecError({ message: "Send a timestamp as text, with a cast" })),
  decode: (bytes) => {
    const micros = view(bytes).getBigInt64(0)
    if (micros === infinity || micros === -infinity - 1n) return Result.succeed("infinity")
    const digits = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
    const second = new Date(postgresEpoch + Number((micros - digits) / 1000n))
    return Result.succeed(
      Number.isNaN(second.getTime())
        ? "out of range"
        : second.toISOString().replace(/000Z$/, `${String(digits).padStart(6, "0")}Z`)
    )
  }
}

/** How values of the database become ours: `int8` is a number, `timestamptz` RFC 3339 text. */
export const databaseTypes = PgTypes.makeRegistry()
databaseTypes.register(PgTypes.OID.int8, int8, { arrayOid: PgTypes.OID.int8Array })
databaseTypes.register(PgTypes.OID.timestamptz, timestamptz)
