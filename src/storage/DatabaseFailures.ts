import { Predicate, Schema } from "effect"
import { SqlError } from "effect/sql"
import { type DatabaseFailure, DbOperational, DbRefused, DbUnavailable } from "../domain/errors/StorageErrors.ts"

/** What the driver and the decoding of rows fail with. */
export type DriverFailure = SqlError.SqlError | Schema.SchemaError

const isDriverFailure = (failure: unknown): failure is DriverFailure =>
  SqlError.isSqlError(failure) || Schema.isSchemaError(failure)

const sqlStateOf = (cause: unknown): string | undefined =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && /^[0-9A-Z]{5}$/.test(cause.code)
    ? cause.code
    : undefined

// https://www.postgresql.org/docs/current/errcodes-appendix.html, by class. What is in none of them (data, syntax,
// constraints, rights) is the statement's own fault, which a repetition does not mend.
const noConnection = /^(53300|57P0[1-3])$/
const serversFault = /^(08|25|40|53|54|55|57|58|F0|XX)/

const translateSqlError = (operation: string, { reason }: SqlError.SqlError): DatabaseFailure => {
  const failure = { operation, cause: reason.cause }
  if (reason.operation === "connect") return new DbUnavailable(failure)
  const state = sqlStateOf(reason.cause)
  if (state !== undefined) {
    if (noConnection.test(state)) return new DbUnavailable(failure)
    return serversFault.test(state) ? new DbOperational(failure) : new DbRefused(failure)
  }
  // Without a state it is the driver's own: a connection that broke, a commit that was none, a value that it cannot read.
  return reason._tag === "ConnectionError" || reason.operation === "commit"
    ? new DbOperational(failure)
    : new DbRefused(failure)
}

/** Whether the driver could have no connection or lost it, whatever the failure is called afterwards. */
export const isConnectionFailure = (failure: unknown): boolean => {
  if (!SqlError.isSqlError(failure)) return false
  const state = sqlStateOf(failure.reason.cause)
  return state === undefined
    ? failure.reason._tag === "ConnectionError"
    : state.startsWith("08") || noConnection.test(state)
}

const isOwn = <E>(failure: E): failure is Exclude<E, DriverFailure> => !isDriverFailure(failure)

/** Says in the domain's words what the driver failed with; other failures pass as they are. */
export const translate =
  (operation: string) =>
  <E>(failure: E): Exclude<E, DriverFailure> | DatabaseFailure => {
    if (isOwn(failure)) return failure
    return SqlError.isSqlError(failure)
      ? translateSqlError(operation, failure)
      : new DbRefused({ operation, cause: failure })
  }
