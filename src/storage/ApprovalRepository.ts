import { Context, type DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { Approval, type ApprovalAnswer, ApprovalId, type ApprovalKind, ApprovalStatus } from "../domain/Approval.ts"
import type { ToolRequest } from "../domain/Agent.ts"
import type { ApiKeyId } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { type Lease, RunId, RunStatus } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { json, uuids } from "./Parameters.ts"
import { allRows, firstRow } from "./Rows.ts"
import { makeTransaction } from "./Transaction.ts"

/** Something that an agent asks, as it is stored with the event that says so. */
export interface NewApproval {
  readonly id: ApprovalId
  readonly kind: ApprovalKind
  readonly request: ToolRequest
  readonly expires_at: DateTime.Utc
}

/** Which approvals a list shows; every condition that is given must hold. */
export interface ApprovalFilter {
  readonly status?: ApprovalStatus
  readonly session_id?: SessionId
  readonly run_id?: RunId
}

/** What became of an answer. */
export type Settlement =
  /** It is stored; `queued` when its run waited, and goes on now as soon as an instance has room for it. */
  | { readonly _tag: "Settled"; readonly approval: Approval; readonly queued: boolean }
  /** Somebody was faster, or it is too late. */
  | { readonly _tag: "Over"; readonly status: Exclude<ApprovalStatus, "pending"> }
  | { readonly _tag: "Absent" }

/** How far an answer has come. */
export const Delivery = Schema.Struct({
  status: ApprovalStatus,
  /** Whether the owner of the run has taken it for its agent. */
  delivered: Schema.Boolean,
  run_status: RunStatus
})
export type Delivery = typeof Delivery.Type

const ApprovalKey = Schema.Struct({ id: ApprovalId })
const RunState = Schema.Struct({ id: RunId, status: RunStatus })

type Failure = SqlError.SqlError | Schema.SchemaError

/** The columns of an approval as clients see it. */
const approvalColumns = Object.keys(Approval.fields).join(", ")

/**
 * What agents ask people. Rows are written with the events that say so, by the log. An approval changes with the row of
 * its run locked, so that nobody answers a run that is just being let go without its going on.
 */
export class ApprovalRepository extends Context.Service<
  ApprovalRepository,
  {
    find(tenant: TenantId, id: ApprovalId): Effect.Effect<Option.Option<Approval>, DatabaseFailure>
    /** The oldest of a session that nobody has answered. */
    findPending(tenant: TenantId, session: SessionId): Effect.Effect<Option.Option<Approval>, DatabaseFailure>
    /** Newest first, from after `position`. */
    list(
      tenant: TenantId,
      filter: ApprovalFilter,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Approval>, DatabaseFailure>
    /** Stores an answer, if there is none and it is not too late. */
    settle(
      tenant: TenantId,
      id: ApprovalId,
      answer: ApprovalAnswer,
      answered_by: ApiKeyId
    ): Effect.Effect<Settlement, DatabaseFailure>
    /** Ends one whose time is over. A run that waits for it goes on, as with an answer: it is queued. */
    expire(id: ApprovalId): Effect.Effect<void, DatabaseFailure>
    /** Those of these that are not pending any more. */
    settled(ids: ReadonlyArray<ApprovalId>): Effect.Effect<ReadonlyArray<Approval>, DatabaseFailure>
    /** Notes that the owner of the run has it. False when the lease is no longer held. */
    deliver(lease: Lease, id: ApprovalId): Effect.Effect<boolean, DatabaseFailure>
    delivery(id: ApprovalId): Effect.Effect<Option.Option<Delivery>, DatabaseFailure>
    /** What holds a run up: asked by an agent that can go on with it, and answered or not, but not taken by an owner. */
    standing(run: RunId): Effect.Effect<Option.Option<Approval>, DatabaseFailure>
    /** Ends what was asked by who is gone with its process: below the main agent's own subagents. */
    abandon(lease: Lease): Effect.Effect<void, DatabaseFailure>
    /** Ends one that no agent has heard the answer to, and whose call is not made any more. */
    withdraw(lease: Lease, id: ApprovalId): Effect.Effect<void, DatabaseFailure>
    /** Of runs that wait, those whose time is over. */
    due(limit: number): Effect.Effect<ReadonlyArray<ApprovalId>, DatabaseFailure>
  }
>()("causeway/storage/ApprovalRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    ApprovalRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const transaction = yield* makeTransaction
      const columns = sql.literal(approvalColumns)
      const approval = firstRow(Approval)
      const approvals = allRows(Approval)
      const page = pageOf(Approval)
      const approvalKey = firstRow(ApprovalKey)
      const approvalKeys = allRows(ApprovalKey)
      const runState = firstRow(RunState)
      const deliveryRow = firstRow(Delivery)

      const find = Effect.fn("ApprovalRepository.find")((tenant: TenantId, id: ApprovalId) =>
        execute(
          "ApprovalRepository.find",
          approval(sql`SELECT ${columns} FROM approvals WHERE id = ${id} AND tenant_id = ${tenant}`)
        )
      )

      const findPending = Effect.fn("ApprovalRepository.findPending")((tenant: TenantId, session: SessionId) =>
        execute(
          "ApprovalRepository.findPending",
          approval(sql`
            SELECT ${columns} FROM approvals
            WHERE session_id = ${session} AND tenant_id = ${tenant} AND status = 'pending'
            ORDER BY created_at, id LIMIT 1`)
        )
      )

      const list = Effect.fn("ApprovalRepository.list")(
        (
          tenant: TenantId,
          { run_id, session_id, status }: ApprovalFilter,
          position: PagePosition | null,
          size: number
        ) =>
          execute(
            "ApprovalRepository.list",
            page(
              size,
              sql`
                SELECT ${columns} FROM approvals
                WHERE ${sql.and([
                  sql`tenant_id = ${tenant}`,
                  after(sql, position),
                  ...(status === undefined ? [] : [sql`status = ${status}`]),
                  ...(session_id === undefined ? [] : [sql`session_id = ${session_id}`]),
                  ...(run_id === undefined ? [] : [sql`run_id = ${run_id}`])
                ])}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
      )

      /** The run comes first: what is read after it is locked is what its owner has seen, or will see. */
      const lockRun = (id: ApprovalId, condition: Statement.Fragment) =>
        runState(sql`
          SELECT runs.id, runs.status FROM approvals JOIN runs ON runs.id = approvals.run_id
          WHERE approvals.id = ${id} AND ${condition}
          FOR NO KEY UPDATE OF runs`)

      const overOrAbsent = Effect.fnUntraced(function* (id: ApprovalId): Effect.fn.Return<Settlement, Failure> {
        const found = yield* approval(sql`SELECT ${columns} FROM approvals WHERE id = ${id}`)
        if (Option.isNone(found)) return { _tag: "Absent" }
        const { status } = found.value
        return { _tag: "Over", status: status === "pending" ? "expired" : status }
      })

      /** Queues a run that waits; it is locked. */
      const goOn = Effect.fnUntraced(function* ({ id, status }: typeof RunState.Type) {
        if (status !== "waiting") return false
        yield* sql`UPDATE runs SET status = 'queued', queued_at = coalesce(queued_at, created_at) WHERE id = ${id}`
        return true
      })

      const answer = Effect.fnUntraced(function* (
        tenant: TenantId,
        id: ApprovalId,
        given: ApprovalAnswer,
        answered_by: ApiKeyId
      ): Effect.fn.Return<Settlement, Failure> {
        const run = yield* lockRun(id, sql`approvals.tenant_id = ${tenant}`)
        if (Option.isNone(run)) return { _tag: "Absent" }
        const answered = yield* approval(sql`
          UPDATE approvals SET status = 'answered', answer = ${json(given)}, answered_at = clock_timestamp(),
            answered_by = ${answered_by}::uuid
          WHERE id = ${id} AND status = 'pending' AND expires_at > clock_timestamp()
          RETURNING ${columns}`)
        if (Option.isNone(answered)) return yield* overOrAbsent(id)
        return { _tag: "Settled", approval: answered.value, queued: yield* goOn(run.value) }
      })

      const settle = Effect.fn("ApprovalRepository.settle")(
        (tenant: TenantId, id: ApprovalId, given: ApprovalAnswer, answered_by: ApiKeyId) =>
          execute("ApprovalRepository.settle", transaction(answer(tenant, id, given, answered_by)))
      )

      const end = Effect.fnUntraced(function* (id: ApprovalId) {
        const run = yield* lockRun(id, sql`true`)
        const ended = yield* approvalKey(sql`
          UPDATE approvals SET status = 'expired'
          WHERE id = ${id} AND status = 'pending' AND expires_at <= clock_timestamp()
          RETURNING id`)
        if (Option.isSome(run) && Option.isSome(ended)) yield* goOn(run.value)
      })

      const expire = Effect.fn("ApprovalRepository.expire")((id: ApprovalId) =>
        execute("ApprovalRepository.expire", transaction(end(id)))
      )

      const settled = Effect.fn("ApprovalRepository.settled")((ids: ReadonlyArray<ApprovalId>) =>
        execute(
          "ApprovalRepository.settled",
          approvals(sql`SELECT ${columns} FROM approvals WHERE id = ANY(${uuids(ids)}) AND status <> 'pending'`)
        )
      )

      const heldRun = (lease: Lease) => sql`
        SELECT id FROM runs
        WHERE id = ${lease.run_id} AND owner = ${lease.owner} AND fence = ${lease.fence}::bigint
          AND status = 'running'
        FOR NO KEY UPDATE`

      const deliver = Effect.fn("ApprovalRepository.deliver")((lease: Lease, id: ApprovalId) =>
        execute(
          "ApprovalRepository.deliver",
          approvalKey(sql`
            WITH held AS MATERIALIZED (${heldRun(lease)})
            UPDATE approvals SET delivered_at = coalesce(delivered_at, clock_timestamp())
            FROM held WHERE approvals.id = ${id} AND approvals.run_id = held.id
              AND approvals.status IN ('answered', 'expired')
            RETURNING approvals.id`)
        ).pipe(Effect.map(Option.isSome))
      )

      const delivery = Effect.fn("ApprovalRepository.delivery")((id: ApprovalId) =>
        execute(
          "ApprovalRepository.delivery",
          deliveryRow(sql`
            SELECT approvals.status, delivered_at IS NOT NULL AS delivered, runs.status AS run_status
            FROM approvals JOIN runs ON runs.id = approvals.run_id WHERE approvals.id = ${id}`)
        )
      )

      const standing = Effect.fn("ApprovalRepository.standing")((run: RunId) =>
        execute(
          "ApprovalRepository.standing",
          approval(sql`
            SELECT ${columns} FROM approvals
            WHERE run_id = ${run} AND delivered_at IS NULL AND status <> 'cancelled' AND NOT of_subagent
            ORDER BY created_at DESC, id DESC LIMIT 1`)
        )
      )

      const abandon = Effect.fn("ApprovalRepository.abandon")((lease: Lease) =>
        execute(
          "ApprovalRepository.abandon",
          sql`
            WITH held AS MATERIALIZED (${heldRun(lease)})
            UPDATE approvals SET status = 'cancelled' FROM held
            WHERE approvals.run_id = held.id AND approvals.of_subagent AND approvals.delivered_at IS NULL
              AND approvals.status IN ('pending', 'answered')`
        ).pipe(Effect.asVoid)
      )

      // One whose time was over stays so, and holds nothing up any more.
      const withdraw = Effect.fn("ApprovalRepository.withdraw")((lease: Lease, id: ApprovalId) =>
        execute(
          "ApprovalRepository.withdraw",
          sql`
            WITH held AS MATERIALIZED (${heldRun(lease)})
            UPDATE approvals SET status = CASE status WHEN 'expired' THEN status ELSE 'cancelled' END,
              delivered_at = CASE status WHEN 'expired' THEN clock_timestamp() END
            FROM held
            WHERE approvals.id = ${id} AND approvals.run_id = held.id AND approvals.delivered_at IS NULL`
        ).pipe(Effect.asVoid)
      )

      const due = Effect.fn("ApprovalRepository.due")((limit: number) =>
        execute(
          "ApprovalRepository.due",
          approvalKeys(sql`
            SELECT approvals.id FROM approvals JOIN runs ON runs.id = approvals.run_id
            WHERE approvals.status = 'pending' AND expires_at <= clock_timestamp() AND runs.status = 'waiting'
            ORDER BY expires_at LIMIT ${limit}`)
        ).pipe(Effect.map((rows) => rows.map(({ id }) => id)))
      )

      return ApprovalRepository.of({
        find,
        findPending,
        list,
        settle,
        expire,
        settled,
        deliver,
        delivery,
        standing,
        abandon,
        withdraw,
        due
      })
    })
  )
}
