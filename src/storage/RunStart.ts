import { Data, Effect, Option, Schema } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { Lease, Run, RunId } from "../domain/Run.ts"
import { Session, SessionId } from "../domain/Session.ts"
import { allowanceOf, makeExpenses } from "./Expenses.ts"
import { json, storable, texts } from "./Parameters.ts"
import { firstRow } from "./Rows.ts"
import { makePendingDone } from "./PendingDone.ts"
import type { Idempotency, NewRun, QueueLimits, RunPlace, RunStart } from "./NewRun.ts"
import { sessionColumns } from "./SessionRepository.ts"

/** The columns of a run as clients see it. */
export const runColumns = Object.keys(Run.fields).join(", ")

/** Nothing is to be started: what was written on the way here is taken back. */
export class StartRefused extends Data.TaggedError("StartRefused")<{ readonly outcome: RunStart }> {}

const SessionKey = Schema.Struct({ id: SessionId })
const RunKey = Schema.Struct({ id: RunId })
const KeyUse = Schema.Struct({ body_hash: Schema.String })
const StartedRun = Schema.Struct({ ...Run.fields, fence: Lease.fields.fence })
const QueueLength = Schema.Struct({ of_session: Schema.Int, of_tenant: Schema.Int })
const StartedSession = Schema.Struct({ ...Session.fields, cwd: Schema.String })

type Failure = StartRefused | SqlError.SqlError | Schema.SchemaError

/**
 * What happens in the transaction that starts a run. Rows are locked in this order:
 *
 * 1. the idempotency key: requests with the same key take turns before they hold anything else;
 * 2. the session, or the one to fork from;
 * 3. where it has to wait, the tenant's queue;
 * 4. the new run, which nobody else knows yet.
 *
 * Everybody else locks runs that are at work by id and then at most one session. A start never waits for a run (it finds
 * a live one and gives up), so no two of them can wait for each other.
 */
export const makeRunStart = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const sessionKey = firstRow(SessionKey)
  const runKey = firstRow(RunKey)
  const keyUse = firstRow(KeyUse)
  const knownRun = firstRow(Run)
  const startedRun = firstRow(StartedRun)
  const queueLength = firstRow(QueueLength)
  const startedSession = firstRow(StartedSession)
  const pendingDone = yield* makePendingDone
  const expenses = yield* makeExpenses

  const refuse = (outcome: RunStart) => Effect.fail(new StartRefused({ outcome }))

  /** Takes the key for this run, unless another run has it: then that one is the answer. */
  const claimKey = (run: NewRun, { key, body_hash }: Idempotency): Effect.Effect<void, Failure> =>
    Effect.gen(function* () {
      const claimed = yield* sql`
        INSERT INTO idempotency_keys AS known (tenant_id, key, body_hash, run_id)
        VALUES (${run.tenant_id}, ${key}, ${body_hash}, ${run.run_id})
        ON CONFLICT (tenant_id, key) DO UPDATE
          SET body_hash = excluded.body_hash, run_id = excluded.run_id, created_at = now()
          WHERE known.created_at < now() - interval '24 hours'
        RETURNING run_id`
      if (claimed.length > 0) return
      const rows = yield* sql`
        SELECT runs.*, body_hash FROM idempotency_keys JOIN runs ON runs.id = run_id
        WHERE idempotency_keys.tenant_id = ${run.tenant_id} AND key = ${key}`
      const use = yield* keyUse(Effect.succeed(rows))
      const known = yield* knownRun(Effect.succeed(rows))
      // Its session was deleted between the two statements, and the key with it.
      if (Option.isNone(use) || Option.isNone(known)) return yield* claimKey(run, { key, body_hash })
      return yield* refuse(
        use.value.body_hash === body_hash ? { _tag: "Repeated", run: known.value } : { _tag: "Mismatch" }
      )
    })

  /** Makes the session or finds it, and locks it until the run is there. */
  const takePlace = (run: NewRun, place: RunPlace) => {
    switch (place._tag) {
      case "New": {
        const made = sessionKey(sql`
          INSERT INTO sessions (id, tenant_id, mode, title, tags, metadata, cwd, project_id, budget_usd)
          VALUES (${place.session_id}, ${run.tenant_id}, ${place.mode}, ${storable(place.title)},
            ${texts(place.tags.map(storable))}, ${json(place.metadata)}, ${place.cwd}, ${place.project_id}, ${place.budget_usd})
          RETURNING id`)
        // Its project stays until the session is there, or is gone already.
        const project = place.project_id
        if (project === null) return made
        return Effect.flatMap(
          sql`SELECT FROM projects WHERE id = ${project} AND tenant_id = ${run.tenant_id} FOR KEY SHARE`,
          (found) => (found.length === 0 ? Effect.succeedNone : made)
        )
      }
      case "Existing":
        return sessionKey(sql`
          SELECT id FROM sessions WHERE id = ${place.session_id} AND tenant_id = ${run.tenant_id}
          FOR NO KEY UPDATE`)
      case "Fork":
        // A parent with a live run is forked where its last finished run ended: last_seq and last_fence are that.
        return sessionKey(sql`
          WITH parent AS MATERIALIZED (
            SELECT * FROM sessions WHERE id = ${place.parent_session_id} AND tenant_id = ${run.tenant_id}
            FOR KEY SHARE
          ), child AS (
            INSERT INTO sessions (id, tenant_id, mode, title, tags, metadata, cwd, project_id, budget_usd,
              transcript_complete, parent_session_id, parent_fence)
            SELECT ${place.session_id}::uuid, tenant_id, mode, title, tags, metadata, cwd, project_id, budget_usd,
              transcript_complete, id, last_fence
            FROM parent
            RETURNING id
          ), history AS (
            INSERT INTO session_ancestors (session_id, position, ancestor_id, until_seq)
            SELECT child.id, older.position, older.ancestor_id, older.until_seq
            FROM child CROSS JOIN parent JOIN session_ancestors older ON older.session_id = parent.id
            UNION ALL
            SELECT child.id, (SELECT count(*) FROM session_ancestors WHERE session_id = parent.id),
              parent.id, parent.last_seq
            FROM child CROSS JOIN parent
          )
          SELECT id FROM child`)
    }
  }

  const checkBudget = ({ place: { session_id }, tenant_id }: NewRun) =>
    expenses.ofSession(tenant_id, session_id).pipe(
      Effect.map(Option.match({ onNone: () => null, onSome: allowanceOf(session_id) })),
      Effect.flatMap((allowance) =>
        allowance !== null && allowance.left_usd <= 0
          ? refuse({ _tag: "BudgetSpent", failure: allowance.spent(0) })
          : Effect.void
      )
    )

  const liveOf = (session: SessionId) =>
    sql`SELECT FROM runs live WHERE live.session_id = ${session} AND live.status IN ('queued', 'running', 'waiting')`

  /** Stores the run as running, unless another one of the session is live. */
  const insertRunning = (run: NewRun) =>
    insertRun(
      run,
      sql`'running', ${run.owner}, last_fence + 1, clock_timestamp() + ${run.lease_ms} * interval '1 millisecond', NULL`,
      sql`NOT EXISTS (${liveOf(run.place.session_id)}) AND NOT EXISTS (
        SELECT FROM session_rewinds rewind WHERE rewind.session_id = sessions.id AND rewind.finished_at IS NULL
          AND rewind.expires_at > clock_timestamp()
      )`
    )

  /** Stores the run as the last one of its session's queue. Its numbers are given when it begins. */
  const insertQueued = (run: NewRun) =>
    insertRun(run, sql`'queued', NULL, 0, NULL::timestamptz, clock_timestamp()`, sql`true`)

  const insertRun = (run: NewRun, state: Statement.Fragment, condition: Statement.Fragment) =>
    startedRun(sql`
      WITH started AS (
        INSERT INTO runs (id, tenant_id, session_id, model, options, prompt_preview, api_key_hash, request_id,
          start_seq, last_seq, status, owner, fence, lease_expires_at, queued_at)
        SELECT ${run.run_id}::uuid, tenant_id, id, ${run.model}, ${json(run.options)},
          ${storable(run.prompt_preview)}, ${run.api_key_hash}, ${run.request_id}, last_seq, last_seq, ${state}
        FROM sessions
        WHERE id = ${run.place.session_id} AND ${condition}
        RETURNING ${sql.literal(runColumns)}, fence, tenant_id
      ), ordered AS (
        INSERT INTO run_orders (run_id, tenant_id, sealed, on_disconnect, on_crash)
        SELECT id, tenant_id, ${run.order}, ${run.on_disconnect}, ${run.on_crash} FROM started
      )
      SELECT * FROM started`)

  /** What of a queue's limits is reached. The tenant's queued runs are counted by one request at a time. */
  const fullness = (run: NewRun, { session, tenant }: QueueLimits) =>
    Effect.gen(function* () {
      yield* sql`SELECT pg_advisory_xact_lock(hashtext('causeway/queue'), hashtext(${run.tenant_id}))::text`
      const counted = yield* queueLength(sql`
        SELECT count(*)::integer AS of_tenant,
          (count(*) FILTER (WHERE session_id = ${run.place.session_id}))::integer AS of_session
        FROM runs WHERE tenant_id = ${run.tenant_id} AND status = 'queued'`)
      const { of_session, of_tenant } = Option.getOrElse(counted, () => ({ of_session: 0, of_tenant: 0 }))
      if (of_session >= session) return session
      return of_tenant >= tenant ? tenant : null
    })

  const liveRun = (session: SessionId) =>
    runKey(sql`
      SELECT id FROM runs WHERE session_id = ${session} AND status IN ('queued', 'running', 'waiting')
      ORDER BY status = 'queued', fence = 0, queued_at, id LIMIT 1`)

  const markActive = (run: NewRun) =>
    startedSession(sql`
      UPDATE sessions SET status = 'active', model = ${run.model}, updated_at = now(), last_message_at = now()
      WHERE id = ${run.place.session_id}
      RETURNING ${sql.literal(sessionColumns)}, cwd`)

  const enqueue = (run: NewRun, limits: QueueLimits): Effect.Effect<RunStart, Failure> =>
    Effect.gen(function* () {
      const { session_id } = run.place
      const limit = yield* fullness(run, limits)
      if (limit !== null) return yield* refuse({ _tag: "QueueFull", session_id, limit })
      const inserted = yield* insertQueued(run)
      yield* markActive(run)
      if (Option.isNone(inserted)) return yield* Effect.die(new Error("A locked session takes no queued run"))
      const { fence: _fence, ...queued } = inserted.value
      return { _tag: "Queued", run: new Run(queued) } as const
    })

  return (run: NewRun): Effect.Effect<RunStart, Failure> =>
    Effect.gen(function* () {
      const { place } = run
      if (run.idempotency !== null) yield* claimKey(run, run.idempotency)
      if (Option.isNone(yield* takePlace(run, place))) {
        const absent = place._tag === "Fork" ? place.parent_session_id : place.session_id
        return yield* refuse({ _tag: "Absent", session_id: absent })
      }
      yield* checkBudget(run)
      const inserted = run.may_start ? yield* insertRunning(run) : Option.none()
      if (Option.isNone(inserted)) {
        if (run.queue !== null) return yield* enqueue(run, run.queue)
        const live = yield* liveRun(place.session_id)
        return yield* Option.match(live, {
          onNone: () => refuse({ _tag: "Rewinding", session_id: place.session_id }),
          onSome: ({ id }) => refuse({ _tag: "Busy", session_id: place.session_id, run_id: id })
        })
      }
      // Nothing of this run may stand before the last event of the one before it.
      yield* pendingDone(place.session_id)
      const active = yield* markActive(run)
      if (Option.isNone(active)) return yield* Effect.die(new Error("A locked session is gone"))

      const { fence, ...started } = inserted.value
      const { cwd, ...session } = active.value
      const lease = { run_id: run.run_id, session_id: place.session_id, owner: run.owner, fence }
      return { _tag: "Started", lease, run: new Run(started), session: new Session(session), cwd } as const
    })
})
