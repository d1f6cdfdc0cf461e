import { assert, describe } from "@effect/vitest"
import { Array, Effect, Option, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import type { Lease } from "../../src/domain/Run.ts"
import { MemoryJobRepository } from "../../src/storage/MemoryJobRepository.ts"
import { RunEventRepository } from "../../src/storage/RunEventRepository.ts"
import { RunQueueRepository } from "../../src/storage/RunQueueRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import { SessionRepository } from "../../src/storage/SessionRepository.ts"
import { onBothDatabases } from "./Databases.ts"
import {
  completed,
  existing,
  finishedRun,
  forkOf,
  newRun,
  newRunId,
  newSession,
  newSessionId,
  newTenant,
  otherInstance,
  record,
  records,
  seq,
  started,
  thisInstance
} from "./Fixtures.ts"

const all = { after: seq(0), limit: 1000 }

/** Makes a lease run out now. */
const expire = (run: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`UPDATE runs SET lease_expires_at = now() - interval '1 second' WHERE id = ${run}`
  })

onBothDatabases("runs", (it) => {
  describe("starting a run", () => {
    it.effect("makes the session, the run and the lease", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const sessions = yield* SessionRepository
        const place = newSession({ title: "Title", tags: ["a", "b"], metadata: { deep: [1, { x: null }] } })
        const start = yield* started(tenant, place)

        assert.deepStrictEqual(start.lease, {
          run_id: start.run.id,
          session_id: place.session_id,
          owner: thisInstance,
          fence: 1
        })
        assert.strictEqual(start.cwd, "/workspaces/one")
        assert.strictEqual(start.run.status, "running")
        assert.strictEqual(start.run.start_seq, 0)
        assert.strictEqual(start.session.status, "active")
        assert.strictEqual(start.session.model, "claude-test")
        assert.strictEqual(start.session.title, "Title")
        assert.deepStrictEqual(start.session.tags, ["a", "b"])
        assert.deepStrictEqual(start.session.metadata, { deep: [1, { x: null }] })
        assert.isNotNull(start.session.last_message_at)
        assert.deepStrictEqual(yield* runs.find(tenant, start.run.id), Option.some(start.run))
        assert.deepStrictEqual(yield* runs.findLive(tenant, place.session_id), Option.some(start.run))
        assert.deepStrictEqual(yield* sessions.find(tenant, place.session_id), Option.some(start.session))
      })
    )

    it.effect("keeps what the run is to do until it is over", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const sql = yield* SqlClient.SqlClient
        const { lease } = yield* started(tenant, newSession(), { order: "v1.order" })
        const kept = sql`SELECT tenant_id, sealed FROM run_orders WHERE run_id = ${lease.run_id}`
        assert.deepStrictEqual(yield* kept, [{ tenant_id: tenant, sealed: "v1.order" }])
        assert.isTrue(yield* runs.finish(lease, records(tenant, lease, 1, 1), completed))
        assert.deepStrictEqual(yield* kept, [])
      })
    )

    it.effect("goes on where the last run ended, with the next fence", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const { session_id } = yield* finishedRun(tenant, newSession(), 5)
        const { lease, run } = yield* started(tenant, existing(session_id))
        assert.strictEqual(lease.fence, 2)
        assert.strictEqual(run.start_seq, 5)
        assert.strictEqual(run.last_seq, 5)
      })
    )

    it.effect("refuses a session that is busy, missing or another tenant's", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const runs = yield* RunRepository
        const { lease } = yield* started(tenant, newSession())
        const { session_id } = lease
        assert.deepStrictEqual(yield* runs.start(newRun(tenant, existing(session_id))), {
          _tag: "Busy",
          session_id,
          run_id: lease.run_id
        })
        assert.deepStrictEqual(yield* runs.start(newRun(stranger, existing(session_id))), {
          _tag: "Absent",
          session_id
        })
        assert.deepStrictEqual(yield* runs.start(newRun(stranger, forkOf(session_id))), { _tag: "Absent", session_id })
        const missing = newSessionId()
        assert.deepStrictEqual(yield* runs.start(newRun(tenant, existing(missing))), {
          _tag: "Absent",
          session_id: missing
        })
        assert.isTrue(Option.isNone(yield* runs.find(stranger, lease.run_id)))
        assert.isTrue(Option.isNone(yield* runs.findLive(stranger, session_id)))
        const taken = yield* Effect.flip(runs.start(newRun(tenant, newSession({ session_id }))))
        assert.strictEqual(taken._tag, "DbRefused")
      })
    )

    it.effect("lets one of fifty requests for one session through", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const sql = yield* SqlClient.SqlClient
        const { session_id } = yield* finishedRun(tenant, newSession(), 3)
        const starts = yield* Effect.forEach(
          Array.range(1, 50),
          () => runs.start(newRun(tenant, existing(session_id))),
          {
            concurrency: "unbounded"
          }
        )
        assert.strictEqual(starts.filter(({ _tag }) => _tag === "Started").length, 1)
        assert.strictEqual(starts.filter(({ _tag }) => _tag === "Busy").length, 49)
        const rows = yield* sql`SELECT id FROM runs WHERE session_id = ${session_id} AND status = 'running'`
        assert.strictEqual(rows.length, 1)
      })
    )

    it.effect("finds the first run again by its idempotency key", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const runs = yield* RunRepository
        const idempotency = { key: "key", body_hash: "one" }
        const first = yield* started(tenant, newSession(), { idempotency })
        const again = yield* runs.start(newRun(tenant, newSession(), { idempotency }))
        assert.deepStrictEqual(again, { _tag: "Repeated", run: first.run })
        const other = yield* runs.start(newRun(tenant, newSession(), { idempotency: { key: "key", body_hash: "two" } }))
        assert.deepStrictEqual(other, { _tag: "Mismatch" })
        // Keys are a tenant's own.
        yield* started(stranger, newSession(), { idempotency })
      })
    )

    it.effect("keeps no key of a start that was refused, and none for longer than a day", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const sql = yield* SqlClient.SqlClient
        const idempotency = { key: "key", body_hash: "one" }
        const { lease } = yield* started(tenant, newSession())
        const busy = yield* runs.start(newRun(tenant, existing(lease.session_id), { idempotency }))
        assert.strictEqual(busy._tag, "Busy")
        const absent = yield* runs.start(newRun(tenant, existing(newSessionId()), { idempotency }))
        assert.strictEqual(absent._tag, "Absent")
        yield* started(tenant, newSession(), { idempotency })
        yield* sql`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE tenant_id = ${tenant}`
        const later = yield* started(tenant, newSession(), { idempotency: { key: "key", body_hash: "two" } })
        const repeated = yield* runs.start(
          newRun(tenant, newSession(), { idempotency: { key: "key", body_hash: "two" } })
        )
        assert.deepStrictEqual(repeated, { _tag: "Repeated", run: later.run })
      })
    )

    it.effect("starts one run for twenty equal requests at once", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const sql = yield* SqlClient.SqlClient
        const idempotency = { key: "race", body_hash: "one" }
        const starts = yield* Effect.forEach(
          Array.range(1, 20),
          () => runs.start(newRun(tenant, newSession(), { idempotency })),
          { concurrency: "unbounded" }
        )
        const first = starts.filter((start) => start._tag === "Started")
        assert.strictEqual(first.length, 1)
        const repeated = starts.filter((start) => start._tag === "Repeated")
        assert.deepStrictEqual(new Set(repeated.map((start) => start.run.id)), new Set(first.map(({ run }) => run.id)))
        assert.strictEqual(repeated.length, 19)
        assert.strictEqual((yield* sql`SELECT id FROM sessions WHERE tenant_id = ${tenant}`).length, 1)
      })
    )
  })

  describe("the log", () => {
    it.effect("writes batches of several runs at once and reads them back byte for byte", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const log = yield* RunEventRepository
        const runs = yield* RunRepository
        const one = (yield* started(tenant, newSession())).lease
        const two = (yield* started(tenant, newSession())).lease
        const text = "\0 \ud800 \u2028 “Grüße” 👩‍👩‍👧 \\u0000 '; DROP TABLE runs; --"
        const first = record(tenant, one, 1, { text }, "partial")
        const held = yield* log.append(thisInstance, [
          { lease: one, records: [first, record(tenant, one, 2)] },
          { lease: two, records: records(tenant, two, 1, 3) }
        ])
        assert.sameMembers([...held], [one.run_id, two.run_id])
        const read = yield* log.read(tenant, one.session_id, all)
        assert.deepStrictEqual(read, [first, record(tenant, one, 2)])
        assert.deepStrictEqual(JSON.parse(read[0]?.data ?? ""), { text })
        assert.deepStrictEqual(yield* log.read(tenant, two.session_id, all), records(tenant, two, 1, 3))
        const run = Option.getOrThrow(yield* runs.find(tenant, two.run_id))
        assert.strictEqual(run.last_seq, 3)
      })
    )

    it.effect("shows a reader what it asks for and nobody else's", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const log = yield* RunEventRepository
        const first = yield* finishedRun(tenant, newSession(), 4)
        const { lease } = yield* started(tenant, existing(first.session_id))
        yield* log.append(thisInstance, [
          { lease, records: [record(tenant, lease, 5, {}, "partial"), record(tenant, lease, 6)] }
        ])
        const numbers = (options: Partial<Parameters<typeof log.read>[2]>, reader = tenant) =>
          Effect.map(log.read(reader, lease.session_id, { ...all, ...options }), (found) =>
            found.map((each) => each.seq)
          )
        assert.deepStrictEqual(yield* numbers({}), [1, 2, 3, 4, 5, 6].map(seq))
        assert.deepStrictEqual(yield* numbers({ after: seq(3) }), [4, 5, 6].map(seq))
        assert.deepStrictEqual(yield* numbers({ limit: 2 }), [1, 2].map(seq))
        assert.deepStrictEqual(yield* numbers({ until: seq(2) }), [1, 2].map(seq))
        assert.deepStrictEqual(yield* numbers({ run: lease.run_id }), [5, 6].map(seq))
        assert.deepStrictEqual(yield* numbers({ events: ["partial", "done"] }), [seq(5)])
        assert.deepStrictEqual(yield* numbers({}, stranger), [])
      })
    )

    it.effect("takes nothing under an old fence, another owner or an ended run, and the rest of the statement", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const log = yield* RunEventRepository
        const runs = yield* RunRepository
        const lost = (yield* started(tenant, newSession())).lease
        const kept = (yield* started(tenant, newSession())).lease
        const ended = yield* finishedRun(tenant, newSession(), 1)
        yield* expire(lost.run_id)
        const found = (yield* runs.expired).filter((run) => run.lease.run_id === lost.run_id)
        assert.strictEqual(found.length, 1)
        for (const run of found) assert.isTrue(Option.isSome(yield* runs.takeOver(run, otherInstance, 60_000)))

        const held = yield* log.append(thisInstance, [
          { lease: lost, records: [record(tenant, lost, 1)] },
          { lease: kept, records: [record(tenant, kept, 1)] },
          { lease: ended, records: [record(tenant, ended, 2)] }
        ])
        assert.deepStrictEqual(held, [kept.run_id])
        assert.deepStrictEqual(yield* log.read(tenant, lost.session_id, all), [])
        assert.strictEqual((yield* log.read(tenant, ended.session_id, all)).length, 1)
        assert.strictEqual((yield* log.read(tenant, kept.session_id, all)).length, 1)
        assert.deepStrictEqual(
          yield* log.append(otherInstance, [{ lease: kept, records: [record(tenant, kept, 2)] }]),
          []
        )
        assert.isFalse(yield* runs.finish(lost, [record(tenant, lost, 1)], completed))
        assert.deepStrictEqual(yield* runs.renew(thisInstance, [lost, kept, ended], 60_000), [kept.run_id])
      })
    )

    it.effect("takes a batch a second time as the same", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const log = yield* RunEventRepository
        const { lease } = yield* started(tenant, newSession())
        const batch = { lease, records: records(tenant, lease, 1, 3) }
        yield* log.append(thisInstance, [batch])
        assert.deepStrictEqual(yield* log.append(thisInstance, [batch]), [lease.run_id])
        assert.deepStrictEqual(yield* log.read(tenant, lease.session_id, all), batch.records)
        assert.deepStrictEqual(yield* log.append(thisInstance, [{ lease, records: [] }]), [lease.run_id])
        assert.deepStrictEqual(yield* log.append(thisInstance, []), [])
      })
    )

    it.effect("has no gap and no deadlock while renewals, ends and starts go on beside it", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const log = yield* RunEventRepository
        const runs = yield* RunRepository
        const leases = yield* Effect.forEach(Array.range(1, 12), () =>
          Effect.map(started(tenant, newSession()), (start) => start.lease)
        )
        const turns = 20
        const appends = (group: ReadonlyArray<Lease>) =>
          Effect.forEach(Array.range(0, turns - 1), (turn) =>
            log.append(
              thisInstance,
              group.map((lease) => ({ lease, records: records(tenant, lease, turn * 5 + 1, turn * 5 + 5) }))
            )
          )
        yield* Effect.all(
          [
            appends(leases.slice(0, 6)),
            appends(leases.slice(6).toReversed()),
            Effect.forEach(Array.range(1, 20), () => runs.renew(thisInstance, leases.toReversed(), 60_000)),
            Effect.forEach(leases, ({ session_id }) => runs.start(newRun(tenant, existing(session_id)))),
            Effect.forEach(Array.range(1, 20), () => finishedRun(tenant, newSession(), 2)),
            Effect.forEach(leases, ({ session_id }) => started(tenant, forkOf(session_id)))
          ],
          { concurrency: "unbounded" }
        )
        for (const lease of leases) {
          const read = yield* log.read(tenant, lease.session_id, all)
          assert.deepStrictEqual(
            read.map((each) => each.seq),
            Array.range(1, turns * 5).map(seq)
          )
        }
      })
    )
  })

  describe("leases", () => {
    it.effect("can be renewed after they ran out, as long as nobody took them", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const { lease } = yield* started(tenant, newSession())
        const expired = Effect.map(runs.expired, (found) => found.filter((run) => run.lease.run_id === lease.run_id))
        assert.strictEqual((yield* expired).length, 0)
        yield* expire(lease.run_id)
        const [seen] = yield* expired
        if (seen === undefined) return assert.fail("the lease has not run out")
        assert.deepStrictEqual(seen, { lease, tenant_id: tenant })

        assert.deepStrictEqual(yield* runs.renew(thisInstance, [lease], 60_000), [lease.run_id])
        assert.strictEqual((yield* expired).length, 0)
        assert.isTrue(Option.isNone(yield* runs.takeOver(seen, otherInstance, 60_000)))

        yield* expire(lease.run_id)
        const taken = yield* Effect.all(
          Array.makeBy(5, (index) => runs.takeOver(seen, index % 2 === 0 ? otherInstance : thisInstance, 60_000)),
          { concurrency: "unbounded" }
        )
        const winners = taken.filter(Option.isSome)
        assert.strictEqual(winners.length, 1)
        assert.strictEqual(winners[0]?.value.lease.fence, lease.fence + 1)
        assert.deepStrictEqual(yield* runs.renew(thisInstance, [lease], 60_000), [])
      })
    )

    it.effect("run out by the database's clock", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const { lease } = yield* started(tenant, newSession(), { lease_ms: 1000 })
        const isExpired = Effect.map(runs.expired, (found) => found.some((run) => run.lease.run_id === lease.run_id))
        assert.isFalse(yield* isExpired)
        yield* Effect.repeat(isExpired, { until: (expired) => expired, schedule: Schedule.spaced(20) })
        yield* runs.renew(thisInstance, [lease], 60_000)
        assert.isFalse(yield* isExpired)
      })
    )

    it.effect("let the taker end the run, and the next run has a fence above both", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const log = yield* RunEventRepository
        const sessions = yield* SessionRepository
        const { lease } = yield* started(tenant, newSession())
        yield* log.append(thisInstance, [{ lease, records: records(tenant, lease, 1, 2) }])
        yield* expire(lease.run_id)
        const [seen] = (yield* runs.expired).filter((run) => run.lease.run_id === lease.run_id)
        if (seen === undefined) return assert.fail("the lease has not run out")
        const taken = Option.getOrThrow(yield* runs.takeOver(seen, otherInstance, 60_000))
        assert.strictEqual(taken.run.last_seq, 2)
        assert.deepInclude(taken, { order: "sealed", on_crash: "end", losses: 1, cwd: "/workspaces/one" })
        const end = {
          ...completed,
          status: "lost" as const,
          session_status: "error" as const,
          transcript_complete: false,
          num_turns: null,
          total_cost_usd: null,
          cost_unknown: true,
          usage: null,
          error: { code: "RUN_LOST", error_id: "ERR_RUN_LOST", message: "\0 lost" }
        }
        assert.isTrue(yield* runs.finish(taken.lease, [record(tenant, taken.lease, 3, {}, "done")], end))
        const run = Option.getOrThrow(yield* runs.find(tenant, lease.run_id))
        assert.strictEqual(run.status, "lost")
        assert.deepStrictEqual(run.error, end.error)
        assert.strictEqual(run.last_seq, 3)
        const session = Option.getOrThrow(yield* sessions.find(tenant, lease.session_id))
        assert.strictEqual(session.status, "error")
        assert.isTrue(session.cost_unknown)
        assert.isFalse(session.transcript_complete)
        assert.strictEqual(session.total_turns, 0)
        assert.isFalse(yield* runs.finish(lease, [], completed))
        const next = yield* started(tenant, existing(lease.session_id))
        assert.strictEqual(next.lease.fence, lease.fence + 2)
        assert.strictEqual(next.run.start_seq, 3)
        // What is missing stays missing, here and in forks.
        yield* runs.finish(next.lease, records(tenant, next.lease, 4, 4), completed)
        assert.isFalse(Option.getOrThrow(yield* sessions.find(tenant, lease.session_id)).transcript_complete)
        assert.isFalse((yield* started(tenant, forkOf(lease.session_id))).session.transcript_complete)
      })
    )
  })

  describe("the end of a run", () => {
    it.effect("is written once, with its events, its cost and the session's totals", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const log = yield* RunEventRepository
        const sessions = yield* SessionRepository
        const { lease } = yield* started(tenant, newSession())
        yield* log.append(thisInstance, [{ lease, records: records(tenant, lease, 1, 2) }])
        const last = [record(tenant, lease, 3, {}, "result"), record(tenant, lease, 4, {}, "done")]
        assert.isTrue(yield* runs.finish(lease, last, completed))
        // Its answer may get lost: the same end again is no other.
        assert.isTrue(yield* runs.finish(lease, last, completed))
        yield* finishedRun(tenant, existing(lease.session_id), 1)

        const run = Option.getOrThrow(yield* runs.find(tenant, lease.run_id))
        assert.strictEqual(run.status, "completed")
        assert.isNotNull(run.ended_at)
        assert.strictEqual(run.last_seq, 4)
        assert.deepStrictEqual(run.usage, completed.usage)
        const session = Option.getOrThrow(yield* sessions.find(tenant, lease.session_id))
        assert.strictEqual(session.status, "completed")
        assert.strictEqual(session.total_turns, 4)
        assert.strictEqual(session.total_cost_usd, 0.5)
        assert.isFalse(session.cost_unknown)
        assert.deepStrictEqual(
          (yield* log.read(tenant, lease.session_id, all)).map((each) => each.seq),
          [1, 2, 3, 4, 5].map(seq)
        )
        assert.isTrue(Option.isNone(yield* runs.findLive(tenant, lease.session_id)))
        assert.isFalse(yield* runs.finish({ ...lease, run_id: newRunId() }, [], completed))
      })
    )

    it.effect("can come without events", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const { lease } = yield* started(tenant, newSession())
        assert.isTrue(yield* runs.finish(lease, [], completed))
        assert.strictEqual((yield* started(tenant, existing(lease.session_id))).run.start_seq, 0)
      })
    )

    it.effect("tells what could not be learned from it, also while another run waits for its turn", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const jobs = yield* MemoryJobRepository
        const { lease } = yield* started(tenant, newSession())
        assert.isTrue(
          yield* runs.finish(lease, records(tenant, lease, 1, 2), completed, {
            scope: { session_id: lease.session_id },
            withheld: [],
            owner: thisInstance,
            lease_ms: 60_000,
            done_seq: seq(3),
            pending_done: "{}"
          })
        )
        const waiting = newRun(tenant, existing(lease.session_id), {
          may_start: false,
          queue: { session: 1, tenant: 1 }
        })
        assert.strictEqual((yield* runs.start(waiting))._tag, "Queued")

        const job = {
          run_id: lease.run_id,
          tenant_id: tenant,
          session_id: lease.session_id,
          scope: { session_id: lease.session_id },
          withheld: [],
          attempts: 1,
          owner: thisInstance
        }
        const postponed = yield* jobs.postpone(job, 1000, null, { done: '{"reason":"completed"}', error: '{"code":1}' })
        assert.deepStrictEqual(
          postponed.records.map(({ event, seq }) => [seq, event]),
          [
            [3, "error"],
            [4, "done"]
          ]
        )
        const queue = yield* RunQueueRepository
        const next = Option.getOrThrow(yield* queue.claim(lease.session_id, thisInstance, 60_000))
        assert.deepStrictEqual([next.run.id, next.run.start_seq], [waiting.run_id, 4])
      })
    )
  })
})
