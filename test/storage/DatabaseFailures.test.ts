import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { SqlError } from "effect/sql"
import { AlreadyExists } from "../../src/domain/errors/StorageErrors.ts"
import { translate } from "../../src/storage/DatabaseFailures.ts"

const failure = (code: string | undefined, operation = "query") =>
  new SqlError.SqlError({
    reason: new SqlError.UnknownError({
      cause: Object.assign(new Error("cause"), code === undefined ? {} : { code }),
      message: "message",
      operation
    })
  })

const tagsOf = (codes: ReadonlyArray<string>, operation?: string) =>
  new Set(codes.map((code) => translate("Test.operation")(failure(code, operation))._tag))

it("says what became of a statement, by the server's code", () => {
  assert.deepStrictEqual(tagsOf(["53300", "57P01", "57P02", "57P03"]), new Set(["DbUnavailable"]))
  assert.deepStrictEqual(
    tagsOf(["08006", "25006", "25P02", "40001", "40P01", "53100", "53200", "55P03", "57014", "58030", "XX000"]),
    new Set(["DbOperational"])
  )
  assert.deepStrictEqual(
    tagsOf(["22021", "22P02", "23503", "23505", "42501", "42601", "42703", "42P01", "0A000", "28000", "3D000"]),
    new Set(["DbRefused"])
  )
})

it("says that there was no connection, whatever the reason", () => {
  assert.deepStrictEqual(
    tagsOf(["28000", "28P01", "3D000", "42501", "53300", "57P03"], "connect"),
    new Set(["DbUnavailable"])
  )
  assert.strictEqual(translate("Test.operation")(failure("ECONNREFUSED", "connect"))._tag, "DbUnavailable")
})

it("keeps the operation and the cause, and leaves other failures alone", () => {
  const translated = translate("Test.operation")(failure("42501"))
  assert.strictEqual(translated.operation, "Test.operation")
  assert.instanceOf(translated.cause, Error)
  assert.notInclude(translated.message, "cause")
  const own = new AlreadyExists({ resource: "tenant" })
  assert.strictEqual(translate("Test.operation")(own), own)
})

it("takes what the driver or a schema cannot read for the database's fault", () => {
  assert.strictEqual(translate("Test.operation")(failure(undefined))._tag, "DbRefused")
  assert.strictEqual(translate("Test.operation")(failure(undefined, "commit"))._tag, "DbOperational")
  try {
    Schema.decodeUnknownSync(Schema.Int)("no")
  } catch (cause) {
    assert.isTrue(Schema.isSchemaError(cause))
    if (Schema.isSchemaError(cause)) assert.strictEqual(translate("Test.operation")(cause)._tag, "DbRefused")
  }
})
