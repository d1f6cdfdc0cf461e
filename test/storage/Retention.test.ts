import { assert } from "@effect/vitest"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { RetentionRepository } from "../../src/storage/RetentionRepository.ts"
import { RunControlId, RunControlRepository } from "../../src/storage/RunControlRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import { onBothDatabases, onServerDatabase } from "./Databases.ts"
import { completed, existing, newSession, newTenant, record, started } from "./Fixtures.ts"
import { planOf } from "./Plans.ts"
import type { RunPlace } from "../../src/storage/NewRun.ts"
import type { RunEventName } from "../../src/domain/RunEvent.ts"
import { type RunId, Sequence } from "../../src/domain/Run.ts"
import type { SessionId } from "../../src/domain/Session.ts"
import type { TenantId } from "../../src/domain/Tenant.ts"

const names: ReadonlyArray<RunEventName> = ["init", "partial", "message", "partial", "result", "done"]

/** A run with deltas that ended so long ago. */
const endedRun = Effect.fnUntraced(function* (tenant: TenantId, place: RunPlace, hours: number) {
  const sql = yield* SqlClient.SqlClient
  const runs = yield* RunRepository
  const { lease, run } = yield* started(tenant, place)
  const records = names.map((name, index) => record(tenant, lease, run.start_seq + index + 1, { index }, name))
  assert.isTrue(yield* runs.finish(lease, records, completed))
  yield* sql`UPDATE runs SET ended_at = now() - ${hours} * interval '1 hour' WHERE id = ${run.id}`
  return run
})

const hour = 60 * 60 * 1000
const at = (number: number) => Sequence.make(number)

const kept = Effect.fnUntraced(function* (session: SessionId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ seq: number }>`
    SELECT seq::int AS seq FROM run_events WHERE session_id = ${session} ORDER BY seq`
  return rows.map(({ seq }) => seq)
})

onBothDatabases("what is kept for a time only", (it) => {
  it.effect("deltas go after their run's end, and nothing else", () =>
    Effect.gen(function* () {
      const retention = yield* RetentionRepository
      const tenant = yield* newTenant
      const old = yield* endedRun(tenant, newSession(), 30)
      const young = yield* endedRun(tenant, existing(old.session_id), 1)
      const live = yield* started(tenant, newSession())
      assert.isAtLeast(yield* retention.removeDeltas(24 * hour, 10), 1)
      assert.strictEqual(yield* retention.removeDeltas(24 * hour, 10), 0)
      assert.deepStrictEqual(yield* kept(old.session_id), [1, 3, 5, 6, 7, 8, 9, 10, 11, 12])

      const missed = (after: number) => retention.removedAfter(tenant, old.session_id, null, at(after))
      assert.deepStrictEqual(yield* missed(1), Option.some({ whole: false, first_kept: at(3) }))
      assert.deepStrictEqual(yield* missed(3), Option.some({ whole: false, first_kept: at(5) }))
      assert.isTrue(Option.isNone(yield* missed(4)))
      assert.isTrue(Option.isNone(yield* retention.removedAfter(tenant, old.session_id, young.id, at(6))))
      const other = yield* newTenant
      assert.isTrue(Option.isNone(yield* retention.removedAfter(other, old.session_id, null, at(1))))
      assert.deepStrictEqual(yield* kept(live.run.session_id), [])
    })
  )

  it.effect("events go when that was asked for, and a reader learns that nothing is left", () =>
    Effect.gen(function* () {
      const retention = yield* RetentionRepository
      const tenant = yield* newTenant
      const old = yield* endedRun(tenant, newSession(), 100)
      yield* endedRun(tenant, existing(old.session_id), 1)
      yield* retention.removeDeltas(24 * hour, 10)
      assert.strictEqual(yield* retention.removeEvents(48 * hour, 10), 1)
      assert.deepStrictEqual(yield* kept(old.session_id), [7, 8, 9, 10, 11, 12])
      assert.deepStrictEqual(
        yield* retention.removedAfter(tenant, old.session_id, null, at(2)),
        Option.some({ whole: true, first_kept: at(7) })
      )
      assert.deepStrictEqual(
        yield* retention.removedAfter(tenant, old.session_id, old.id, at(0)),
        Option.some({ whole: true, first_kept: null })
      )
    })
  )

  it.effect("is removed in batches, the oldest first", () =>
    Effect.gen(function* () {
      const retention = yield* RetentionRepository
      const tenant = yield* newTenant
      const runs = yield* Effect.forEach([60, 50, 40], (hours) => endedRun(tenant, newSession(), hours))
      assert.strictEqual(yield* retention.removeDeltas(24 * hour, 2), 2)
      const counts = yield* Effect.forEach(runs, (run) => Effect.map(kept(run.session_id), ({ length }) => length))
      assert.deepStrictEqual(counts, [4, 4, 6])
    })
  )

  it.effect("keys go after their time", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const retention = yield* RetentionRepository
      const tenant = yield* newTenant
      for (const key of ["old", "young"]) {
        yield* started(tenant, newSession(), { idempotency: { key, body_hash: "h" } })
      }
      yield* sql`
        UPDATE idempotency_keys SET created_at = now() - interval '25 hours'
        WHERE tenant_id = ${tenant} AND key = 'old'`
      assert.strictEqual(yield* retention.removeKeys(24 * hour, 10), 1)
      const left = yield* sql`SELECT key FROM idempotency_keys WHERE tenant_id = ${tenant}`
      assert.deepStrictEqual(left, [{ key: "young" }])
    })
  )
})

onServerDatabase("the removal of what is old", (it) => {
  it.effect("is done by one instance at a time", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const retention = yield* RetentionRepository
      const tenant = yield* newTenant
      yield* endedRun(tenant, newSession(), 30)
      const lock = "hashtext('causeway'), hashtext('retention')"
      // On a connection of its own, as another instance would hold it.
      yield* Effect.scoped(
        Effect.gen(function* () {
          const other = yield* sql.reserve
          yield* other.executeRaw(`SELECT pg_advisory_lock(${lock})::text`, [])
          assert.strictEqual(yield* retention.removeDeltas(24 * hour, 10), 0)
          yield* other.executeRaw(`SELECT pg_advisory_unlock(${lock})`, [])
        })
      )
      assert.strictEqual(yield* retention.removeDeltas(24 * hour, 10), 1)
    })
  )

  it.effect("instructions to runs go when they were taken, or their run is over", () =>
    Effect.gen(function* () {
      const tenant = yield* newTenant
      const sql = yield* SqlClient.SqlClient
      const retention = yield* RetentionRepository
      const controls = yield* RunControlRepository
      const { lease } = yield* started(tenant, newSession())
      const ended = yield* endedRun(tenant, newSession(), 1)
      const instruct = Effect.fnUntraced(function* (run_id: RunId, hours: number, taken: boolean) {
        const id = RunControlId.make(crypto.randomUUID())
        yield* controls.request(tenant, { id, run_id, kind: "interrupt", change: null })
        if (taken) yield* controls.acknowledge(id, null)
        yield* sql`UPDATE run_controls SET created_at = now() - ${hours} * interval '1 hour' WHERE id = ${id}`
        return id
      })
      yield* instruct(lease.run_id, 2, true)
      yield* instruct(ended.id, 2, false)
      const young = yield* instruct(lease.run_id, 0, true)
      const open = yield* instruct(lease.run_id, 2, false)
      assert.isAtLeast(yield* retention.removeControls(hour, 10), 2)
      const left = yield* sql`SELECT id FROM run_controls WHERE tenant_id = ${tenant}`
      assert.sameMembers(
        left.map(({ id }) => id),
        [young, open]
      )
    })
  )

  it.effect("finds its rows by indexes among thousands", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const retention = yield* RetentionRepository
      const tenant = yield* newTenant
      const run = yield* endedRun(tenant, newSession(), 30)
      yield* sql`
        INSERT INTO sessions (id, tenant_id, cwd) SELECT gen_random_uuid(), ${tenant}, '/' FROM generate_series(1, 5000)`
      yield* sql`
        INSERT INTO runs (id, tenant_id, session_id, status, options, prompt_preview, api_key_hash, request_id, fence,
          start_seq, last_seq, ended_at, kept)
        SELECT gen_random_uuid(), ${tenant}, id, 'completed', '{}', '', '', '', 1, 0, 20, now(), 'whole_messages'
        FROM sessions`
      yield* sql`
        INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
        SELECT DISTINCT ON (session_id, number) session_id, number, id, tenant_id, 'partial', '{}'
        FROM runs, generate_series(100, 110) number`
      yield* sql`ANALYZE`
      const plans = [
        [Effect.asVoid(retention.removeDeltas(24 * hour, 10)), "runs_with_deltas"],
        [Effect.asVoid(retention.removeEvents(24 * hour, 10)), "runs_with_events"],
        [Effect.asVoid(retention.removedAfter(tenant, run.session_id, null, at(1))), "runs_by_session"]
      ] as const
      for (const [call, index] of plans) {
        const plan = yield* planOf(call)
        assert.include(plan, index)
        assert.include(plan, "run_events_pkey")
        assert.notInclude(plan, "Seq Scan")
      }
    })
  )
})
