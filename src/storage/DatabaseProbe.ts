import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { makeExecute } from "./DatabaseCalls.ts"

/** Tells whether the database answers. */
export class DatabaseProbe extends Context.Service<
  DatabaseProbe,
  {
    readonly ping: Effect.Effect<void, DatabaseFailure>
  }
>()("causeway/storage/DatabaseProbe") {
  static readonly layer = Layer.effect(
    DatabaseProbe,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      return DatabaseProbe.of({ ping: Effect.asVoid(execute("DatabaseProbe.ping", sql`SELECT 1`)) })
    })
  )
}
