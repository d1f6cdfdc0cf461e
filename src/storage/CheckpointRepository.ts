import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Checkpoint } from "../domain/Checkpoint.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { byteStrings, texts } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"

/** A part of a file, or of the list of what there was. */
export interface Part {
  readonly name: string
  readonly data: Uint8Array
}

/** What was kept of a workspace. */
export interface KeptWorkspace {
  readonly tenant_id: TenantId
  readonly session_id: SessionId
  readonly run_id: RunId
  /** The names of the list's parts. */
  readonly manifest: ReadonlyArray<string>
  readonly files: number
  readonly bytes: number
  readonly stored_bytes: number
  readonly files_modified: ReadonlyArray<string>
}

/** Where a list of checkpoints goes on: after this one. */
export const CheckpointPosition = Schema.Struct({ start_seq: Sequence, id: RunId })
export type CheckpointPosition = typeof CheckpointPosition.Type

/** A checkpoint with the place of its list. */
export const StoredCheckpoint = Schema.Struct({
  ...Checkpoint.fields,
  start_seq: Sequence,
  /** Where the session works. */
  cwd: Schema.String,
  manifest: Schema.NullOr(Schema.Array(Schema.String))
})
export type StoredCheckpoint = typeof StoredCheckpoint.Type

const Hash = Schema.Struct({ hash: Schema.String })
const StoredPart = Schema.Struct({ hash: Schema.String, data: Schema.Uint8Array })
const Sum = Schema.Struct({ bytes: Schema.Int })
const KeptList = Schema.Struct({ manifest: Schema.Array(Schema.String) })

/** Checkpoints in PostgreSQL. Every method sees one tenant's only. */
export class CheckpointRepository extends Context.Service<
  CheckpointRepository,
  {
    /** Stores parts that are not there yet; answers how many bytes were new. */
    storeParts(tenant: TenantId, session: SessionId, parts: ReadonlyArray<Part>): Effect.Effect<number, DatabaseFailure>
    /** Those parts that are there. */
    readParts(
      tenant: TenantId,
      session: SessionId,
      names: ReadonlyArray<string>
    ): Effect.Effect<ReadonlyMap<string, Uint8Array>, DatabaseFailure>
    /** Bytes that a session's checkpoints take. */
    storedBytes(tenant: TenantId, session: SessionId): Effect.Effect<number, DatabaseFailure>
    /** The list of the session's latest checkpoint with files. */
    latest(tenant: TenantId, session: SessionId): Effect.Effect<Option.Option<ReadonlyArray<string>>, DatabaseFailure>
    /** Keeps a workspace for a run; what was kept for it before stays as it is. */
    save(kept: KeptWorkspace): Effect.Effect<void, DatabaseFailure>
    find(
      tenant: TenantId,
      session: SessionId,
      id: RunId
    ): Effect.Effect<Option.Option<StoredCheckpoint>, DatabaseFailure>
    /** Oldest first, at most `size`, from after a position. */
    list(
      tenant: TenantId,
      session: SessionId,
      position: CheckpointPosition | null,
      size: number
    ): Effect.Effect<ReadonlyArray<StoredCheckpoint>, DatabaseFailure>
  }
>()("causeway/storage/CheckpointRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    CheckpointRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const hashes = allRows(Hash)
      const storedParts = allRows(StoredPart)
      const sum = firstRow(Sum)
      const keptList = firstRow(KeptList)
      const checkpoint = firstRow(StoredCheckpoint)
      const checkpoints = allRows(StoredCheckpoint)

      const storeParts = Effect.fn("CheckpointRepository.storeParts")(
        (tenant: TenantId, session: SessionId, parts: ReadonlyArray<Part>) =>
          execute(
            "CheckpointRepository.storeParts",
            Effect.gen(function* () {
              const names = parts.map(({ name }) => name)
              const known = yield* hashes(sql`
                SELECT hash FROM checkpoint_parts
                WHERE session_id = ${session} AND tenant_id = ${tenant} AND hash = ANY(${texts(names)})`)
              const there = new Set(known.map(({ hash }) => hash))
              const fresh = [...new Map(parts.map((part) => [part.name, part])).values()].filter(
                ({ name }) => !there.has(name)
              )
              if (fresh.length === 0) return 0
              yield* sql`
                INSERT INTO checkpoint_parts (session_id, hash, tenant_id, data)
                SELECT ${session}::uuid, part.hash, ${tenant}::uuid, part.data
                FROM unnest(${texts(fresh.map(({ name }) => name))}, ${byteStrings(fresh.map(({ data }) => data))})
                  AS part (hash, data)
                ON CONFLICT DO NOTHING`
              return fresh.reduce((bytes, { data }) => bytes + data.length, 0)
            })
          )
      )

      const readParts = Effect.fn("CheckpointRepository.readParts")(
        (tenant: TenantId, session: SessionId, names: ReadonlyArray<string>) =>
          execute(
            "CheckpointRepository.readParts",
            storedParts(sql`
              SELECT hash, data FROM checkpoint_parts
              WHERE session_id = ${session} AND tenant_id = ${tenant} AND hash = ANY(${texts(names)})`)
          ).pipe(Effect.map((rows) => new Map(rows.map(({ data, hash }) => [hash, data]))))
      )

      const storedBytes = Effect.fn("CheckpointRepository.storedBytes")((tenant: TenantId, session: SessionId) =>
        execute(
          "CheckpointRepository.storedBytes",
          sum(sql`
            SELECT coalesce(sum(stored_bytes), 0)::bigint AS bytes FROM checkpoints
            WHERE session_id = ${session} AND tenant_id = ${tenant}`)
        ).pipe(Effect.map(Option.match({ onNone: () => 0, onSome: ({ bytes }) => bytes })))
      )

      const latest = Effect.fn("CheckpointRepository.latest")((tenant: TenantId, session: SessionId) =>
        execute(
          "CheckpointRepository.latest",
          keptList(sql`
            SELECT manifest FROM checkpoints WHERE session_id = ${session} AND tenant_id = ${tenant}
            ORDER BY created_at DESC LIMIT 1`)
        ).pipe(Effect.map(Option.map(({ manifest }) => manifest)))
      )

      const save = Effect.fn("CheckpointRepository.save")((kept: KeptWorkspace) =>
        execute(
          "CheckpointRepository.save",
          sql`
            INSERT INTO checkpoints (run_id, session_id, tenant_id, manifest, files, bytes, stored_bytes, files_modified)
            SELECT id, session_id, tenant_id, ${texts(kept.manifest)}, ${kept.files}, ${kept.bytes}::bigint,
              ${kept.stored_bytes}::bigint, ${texts(kept.files_modified)}
            FROM runs WHERE id = ${kept.run_id} AND session_id = ${kept.session_id} AND tenant_id = ${kept.tenant_id}
            ON CONFLICT (run_id) DO NOTHING`
        ).pipe(Effect.asVoid)
      )

      // The words of a run are hidden when a rewind began at it or before it.
      const columns = sql`
        runs.id, runs.session_id, runs.id::text AS user_message_uuid, runs.prompt_preview, runs.created_at,
        NOT EXISTS (
          SELECT FROM session_rewinds AS rewind
          WHERE rewind.session_id = runs.session_id AND runs.fence >= rewind.from_fence AND runs.fence < rewind.at_fence
        ) AS in_conversation,
        kept.files, kept.bytes, coalesce(kept.files_modified, '{}') AS files_modified,
        runs.start_seq, sessions.cwd, kept.manifest`

      const find = Effect.fn("CheckpointRepository.find")((tenant: TenantId, session: SessionId, id: RunId) =>
        execute(
          "CheckpointRepository.find",
          checkpoint(sql`
            SELECT ${columns} FROM runs JOIN sessions ON sessions.id = runs.session_id
            LEFT JOIN checkpoints AS kept ON kept.run_id = runs.id
            WHERE runs.id = ${id} AND runs.session_id = ${session} AND runs.tenant_id = ${tenant}`)
        )
      )

      const list = Effect.fn("CheckpointRepository.list")((
        tenant: TenantId,
        session: SessionId,
        position: CheckpointPosition | null,
        size: number
      ) => {
        const after =
          position === null
            ? sql`true`
            : sql`(runs.start_seq, runs.id) > (${position.start_seq}::bigint, ${position.id}::uuid)`
        return execute(
          "CheckpointRepository.list",
          checkpoints(sql`
              SELECT ${columns} FROM runs JOIN sessions ON sessions.id = runs.session_id
            LEFT JOIN checkpoints AS kept ON kept.run_id = runs.id
              WHERE runs.session_id = ${session} AND runs.tenant_id = ${tenant} AND ${after}
              ORDER BY runs.start_seq, runs.id LIMIT ${size}`)
        )
      })

      return CheckpointRepository.of({ storeParts, readParts, storedBytes, latest, save, find, list })
    })
  )
}
