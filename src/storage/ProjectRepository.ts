import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { type NewProject, Project, type ProjectChange } from "../domain/Project.ts"
import { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { makeNamedRecords, type NamedRecords } from "./NamedRecords.ts"
import { json, storable } from "./Parameters.ts"
import { allRows } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

const SessionKey = Schema.Struct({ id: SessionId })

/** Projects in PostgreSQL. */
export class ProjectRepository extends Context.Service<
  ProjectRepository,
  Omit<NamedRecords<Project, NewProject, ProjectChange>, "delete"> & {
    /** The sessions that were in it and are in none now; none when there was no such project. */
    delete(tenant: TenantId, id: string): Effect.Effect<Option.Option<ReadonlyArray<SessionId>>, DatabaseFailure>
  }
>()("causeway/storage/ProjectRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    ProjectRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const sessionKeys = allRows(SessionKey)

      const records = yield* makeNamedRecords({
        repository: "ProjectRepository",
        table: "projects",
        resource: "project",
        item: Project,
        columns: Object.keys(Project.fields).join(", "),
        most: 1000,
        toRow: ({ metadata = {}, name, path = name }: NewProject) => ({
          name,
          path: storable(path),
          metadata: json(metadata)
        }),
        toChange: ({ metadata, name }: ProjectChange) => ({
          ...(name === undefined ? {} : { name }),
          ...(metadata === undefined ? {} : { metadata: json(metadata) })
        })
      })

      const remove = Effect.fnUntraced(function* (tenant: TenantId, id: string) {
        // Locked first: no session can come to it any more.
        const found = yield* sql`SELECT FROM projects WHERE id = ${id} AND tenant_id = ${tenant} FOR UPDATE`
        if (found.length === 0) return Option.none()
        const left = yield* sessionKeys(
          sql`UPDATE sessions SET project_id = NULL WHERE project_id = ${id} AND tenant_id = ${tenant} RETURNING id`
        )
        yield* sql`DELETE FROM projects WHERE id = ${id}`
        return Option.some(left.map((session) => session.id))
      })

      return ProjectRepository.of({
        ...records,
        delete: Effect.fn("ProjectRepository.delete")((tenant, id) =>
          execute("ProjectRepository.delete", transaction(remove(tenant, id)))
        )
      })
    })
  )
}
