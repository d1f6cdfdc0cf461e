import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { ApiKeyHash } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { Moment } from "../domain/Moment.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { Share, ShareId } from "../domain/Share.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import type { ShareRepository } from "./DatabaseMetrics.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { storable } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"

/** What a token shows. */
export interface Shown<Subject> {
  readonly subject: Subject
  readonly share: Share
}

/** Shares of one kind of thing, their tokens known as hashes only. `subject` is its id or name, as its table has it. */
export interface ShareRecords<Subject> {
  /** None when the tenant has no such thing. `life` is how long it holds, in milliseconds. */
  create(
    tenant: TenantId,
    subject: string,
    id: ShareId,
    token: ApiKeyHash,
    life: number
  ): Effect.Effect<Option.Option<Share>, DatabaseFailure>
  /** Those that hold, newest first; none when the tenant has no such thing. */
  list(
    tenant: TenantId,
    subject: string,
    position: PagePosition | null,
    size: number
  ): Effect.Effect<Option.Option<Page<Share>>, DatabaseFailure>
  /** Takes one back: whether there was it; none when the tenant has no such thing. */
  revoke(tenant: TenantId, subject: string, id: ShareId): Effect.Effect<Option.Option<boolean>, DatabaseFailure>
  /** Takes all of a thing back; whether the tenant has such a thing. */
  revokeAll(tenant: TenantId, subject: string): Effect.Effect<boolean, DatabaseFailure>
  /** What a token shows that holds, whosever it is. */
  find(token: ApiKeyHash): Effect.Effect<Option.Option<Shown<Subject>>, DatabaseFailure>
}

/** A table of shares, and the table of what is shared. */
export interface ShareTable<Subject extends Schema.ConstraintDecoder<unknown>> {
  readonly repository: ShareRepository
  readonly table: string
  /** The column that refers to what is shared. */
  readonly reference: string
  readonly subjects: {
    readonly table: string
    /** The column by which requests name one of them. */
    readonly key: "id" | "name"
    /** What is selected for one, as SQL. */
    readonly columns: string
    readonly schema: Subject
  }
}

const SharedAs = Schema.Struct({ share_id: ShareId, shared_at: Moment, expires_at: Moment })
const Subject = Schema.Struct({ id: Schema.String })
const Revocation = Schema.Struct({ revoked: Schema.Boolean })

/** Makes what works on a table of shares. */
export const makeShareRecords = Effect.fnUntraced(function* <Subject extends Schema.ConstraintDecoder<unknown>>({
  reference,
  repository,
  subjects,
  table
}: ShareTable<Subject>) {
  const sql = yield* SqlClient.SqlClient
  const execute = yield* makeExecute
  const share = firstRow(Share)
  const page = pageOf(Share)
  const subjectRow = firstRow(Subject)
  const revocation = firstRow(Revocation)
  const decodeSubject = Schema.decodeUnknownEffect(subjects.schema)
  const decodeShare = Schema.decodeUnknownEffect(SharedAs)
  const shares = sql(table)
  const owner = sql(reference)

  const subjectOf = (tenant: TenantId, subject: string) =>
    sql`SELECT id FROM ${sql(subjects.table)} WHERE tenant_id = ${tenant} AND ${sql(subjects.key)} = ${storable(subject)}`

  const records: ShareRecords<Subject["Type"]> = {
    create: Effect.fn(`${repository}.create`)((tenant, subject, id, token, life) =>
      execute(
        `${repository}.create`,
        share(sql`
          WITH subject AS (${subjectOf(tenant, subject)}), expired AS (
            DELETE FROM ${shares} USING subject WHERE ${owner} = subject.id AND expires_at <= now()
          )
          INSERT INTO ${shares} (id, token_hash, ${owner}, expires_at)
          SELECT ${id}::uuid, ${token}, id, now() + make_interval(secs => ${life / 1000}::double precision) FROM subject
          RETURNING id, created_at, expires_at`)
      )
    ),
    list: Effect.fn(`${repository}.list`)((tenant, subject, position, size) =>
      execute(
        `${repository}.list`,
        Effect.gen(function* () {
          const found = yield* subjectRow(subjectOf(tenant, subject))
          if (Option.isNone(found)) return Option.none()
          return yield* Effect.asSome(
            page(
              size,
              sql`
                SELECT id, created_at, expires_at FROM ${shares}
                WHERE ${owner} = ${found.value.id} AND expires_at > now() AND ${after(sql, position)}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
        })
      )
    ),
    revoke: Effect.fn(`${repository}.revoke`)((tenant, subject, id) =>
      execute(
        `${repository}.revoke`,
        revocation(sql`
          WITH subject AS (${subjectOf(tenant, subject)}), gone AS (
            DELETE FROM ${shares} USING subject
            WHERE ${owner} = subject.id AND ${shares}.id = ${id} AND expires_at > now()
            RETURNING ${shares}.id
          )
          SELECT EXISTS (SELECT FROM gone) AS revoked FROM subject`)
      ).pipe(Effect.map(Option.map(({ revoked }) => revoked)))
    ),
    revokeAll: Effect.fn(`${repository}.revokeAll`)((tenant, subject) =>
      execute(
        `${repository}.revokeAll`,
        subjectRow(sql`
          WITH subject AS (${subjectOf(tenant, subject)}), gone AS (
            DELETE FROM ${shares} USING subject WHERE ${owner} = subject.id
          )
          SELECT id FROM subject`)
      ).pipe(Effect.map(Option.isSome))
    ),
    find: Effect.fn(`${repository}.find`)((token) =>
      execute(
        `${repository}.find`,
        Effect.gen(function* () {
          const [row] = yield* sql`
            SELECT ${sql.literal(subjects.columns)}, share_id, shared_at, expires_at
            FROM ${sql(subjects.table)} JOIN (
              SELECT ${owner} AS subject, id AS share_id, created_at AS shared_at, expires_at
              FROM ${shares} WHERE token_hash = ${token} AND expires_at > now()
            ) share ON share.subject = ${sql(subjects.table)}.id`
          if (row === undefined) return Option.none()
          const { expires_at, share_id, shared_at } = yield* decodeShare(row)
          return Option.some({
            subject: yield* decodeSubject(row),
            share: new Share({ id: share_id, created_at: shared_at, expires_at })
          })
        })
      )
    )
  }
  return records
})
