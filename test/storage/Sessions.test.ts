import { assert, describe } from "@effect/vitest"
import { Array, DateTime, Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { PagePosition } from "../../src/domain/Page.ts"
import type { SessionId } from "../../src/domain/Session.ts"
import type { TenantId } from "../../src/domain/Tenant.ts"
import { RunControlId, RunControlRepository } from "../../src/storage/RunControlRepository.ts"
import { RunEventRepository } from "../../src/storage/RunEventRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import { type SessionFilter, SessionRepository } from "../../src/storage/SessionRepository.ts"
import { TranscriptRepository } from "../../src/storage/TranscriptRepository.ts"
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
  records,
  seq,
  started,
  thisInstance
} from "./Fixtures.ts"

/** Follows the pages of a list to its end. */
const allPages = Effect.fnUntraced(function* (tenant: TenantId, filter: SessionFilter, size: number) {
  const sessions = yield* SessionRepository
  const ids: Array<SessionId> = []
  let position: PagePosition | null = null
  do {
    const page: Effect.Success<ReturnType<typeof sessions.list>> = yield* sessions.list(tenant, filter, position, size)
    assert.isAtMost(page.items.length, size)
    ids.push(...page.items.map(({ id }) => id))
    position = page.next
  } while (position !== null)
  return ids
})

const listed = (tenant: TenantId, filter: SessionFilter) => Effect.map(allPages(tenant, filter, 100), (ids) => ids)

onBothDatabases("sessions", (it) => {
  describe("a list", () => {
    it.effect("has every session once, newest first, also with equal and nearly equal times", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const sql = yield* SqlClient.SqlClient
        // Three moments, of which two differ in microseconds only.
        yield* sql`
          INSERT INTO sessions (id, tenant_id, cwd, created_at)
          SELECT gen_random_uuid(), ${tenant}, '/', timestamptz '2026-01-01 00:00:00.123456+00'
            + (number % 3) * interval '1 microsecond' * CASE WHEN number % 3 = 2 THEN 1000000 ELSE 1 END
          FROM generate_series(1, 50) AS number`
        const expected = yield* sql<{ id: SessionId }>`
          SELECT id FROM sessions WHERE tenant_id = ${tenant} ORDER BY created_at DESC, id DESC`
        for (const size of [1, 7, 49, 50, 100]) {
          assert.deepStrictEqual(
            yield* allPages(tenant, {}, size),
            expected.map(({ id }) => id)
          )
        }
      })
    )

    it.effect("shows a tenant its own only", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const { lease } = yield* started(tenant, newSession())
        assert.deepStrictEqual(yield* listed(tenant, {}), [lease.session_id])
        assert.deepStrictEqual(yield* listed(stranger, {}), [])
      })
    )

    it.effect("keeps to all conditions that are given", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const one = yield* finishedRun(tenant, newSession({ tags: ["a", "b"], mode: "brainstorm" }), 1)
        const { lease: two } = yield* started(tenant, newSession({ tags: ["b", 'c"{}\\,'] }))
        const both = [two.session_id, one.session_id]
        assert.deepStrictEqual(yield* listed(tenant, { tags: ["b"] }), both)
        assert.deepStrictEqual(yield* listed(tenant, { tags: ["b", "a"] }), [one.session_id])
        assert.deepStrictEqual(yield* listed(tenant, { tags: ['c"{}\\,'] }), [two.session_id])
        assert.deepStrictEqual(yield* listed(tenant, { tags: [] }), both)
        assert.deepStrictEqual(yield* listed(tenant, { mode: "brainstorm" }), [one.session_id])
        assert.deepStrictEqual(yield* listed(tenant, { status: "active" }), [two.session_id])
        assert.deepStrictEqual(yield* listed(tenant, { status: "completed", mode: "code" }), [])
        const sessions = yield* SessionRepository
        const { created_at } = Option.getOrThrow(yield* sessions.find(tenant, two.session_id))
        const later = DateTime.add(created_at, { seconds: 1 })
        assert.deepStrictEqual(
          yield* listed(tenant, { created_after: DateTime.subtract(created_at, { days: 1 }) }),
          both
        )
        assert.deepStrictEqual(yield* listed(tenant, { created_after: later }), [])
        assert.deepStrictEqual(yield* listed(tenant, { created_before: later, tags: ["a"] }), [one.session_id])
      })
    )

    it.effect("takes every character of a search as itself, in either case", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const titles = ["100% sure", "100 sure", "a_b", "aXb", "back\\slash", "Grüße 👋", "nul\0byte", "it's"]
        const ids = yield* Effect.forEach(titles, (title) =>
          Effect.map(started(tenant, newSession({ title })), ({ lease }) => lease.session_id)
        )
        const expectOnly = (search: string, index: number) =>
          Effect.map(listed(tenant, { search }), (found) => assert.deepStrictEqual(found, [ids[index]], search))
        yield* expectOnly("0%", 0)
        yield* expectOnly("A_B", 2)
        yield* expectOnly("\\", 4)
        yield* expectOnly("grüSSe".replace("SS", "ß"), 5)
        yield* expectOnly("👋", 5)
        yield* expectOnly("nul\0", 6)
        yield* expectOnly("'", 7)
        assert.strictEqual((yield* listed(tenant, { search: "" })).length, titles.length)
        assert.deepStrictEqual(yield* listed(tenant, { search: "%%" }), [])
      })
    )
  })

  describe("a change", () => {
    it.effect("touches what it names and nothing else", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const sessions = yield* SessionRepository
        const { session } = yield* started(tenant, newSession({ title: "Old", tags: ["a"], metadata: { a: 1 } }))
        assert.deepStrictEqual(yield* sessions.update(tenant, session.id, {}), Option.some(session))
        const titled = Option.getOrThrow(yield* sessions.update(tenant, session.id, { title: null }))
        assert.isNull(titled.title)
        assert.deepStrictEqual([titled.tags, titled.metadata], [["a"], { a: 1 }])
        const metadata = { "\0": "\0\ud800", ["__proto__"]: [true, null], ключ: { n: 1.5e300 } }
        const changed = Option.getOrThrow(yield* sessions.update(tenant, session.id, { metadata, tags: ["\0", "ü"] }))
        assert.deepStrictEqual(changed.metadata, metadata)
        assert.deepStrictEqual(changed.tags, ["\u{fffd}", "ü"])
        assert.isTrue(DateTime.isGreaterThanOrEqualTo(changed.updated_at, session.updated_at))
        assert.isTrue(Option.isNone(yield* sessions.update(stranger, session.id, { title: "mine" })))
        assert.isTrue(Option.isNone(yield* sessions.update(tenant, newSessionId(), { title: "x" })))
        assert.isTrue(Option.isNone(yield* sessions.find(stranger, session.id)))
      })
    )
  })

  describe("a fork", () => {
    it.effect("takes over what its parent is and where its finished runs ended", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const sessions = yield* SessionRepository
        const parent = yield* finishedRun(
          tenant,
          newSession({ title: "T", mode: "brainstorm", tags: ["x"], metadata: { m: "\0" }, cwd: "/w" }),
          3
        )
        // The parent works on: that is not part of the fork.
        const live = yield* started(tenant, existing(parent.session_id))
        const log = yield* RunEventRepository
        yield* log.append(thisInstance, [{ lease: live.lease, records: records(tenant, live.lease, 4, 6) }])

        const fork = yield* started(tenant, forkOf(parent.session_id))
        const { session } = fork
        assert.strictEqual(fork.cwd, "/w")
        assert.deepStrictEqual(
          [session.title, session.mode, session.tags, session.metadata, session.parent_session_id],
          ["T", "brainstorm", ["x"], { m: "\0" }, parent.session_id]
        )
        assert.deepStrictEqual([session.total_turns, session.total_cost_usd, fork.run.start_seq], [0, 0, 0])
        assert.isTrue(session.transcript_complete)
        assert.deepStrictEqual(yield* sessions.history(tenant, session.id), [
          { session_id: parent.session_id, until: seq(3) },
          { session_id: session.id, until: null }
        ])
        assert.deepStrictEqual(yield* sessions.history(stranger, session.id), [])
        assert.deepStrictEqual(yield* sessions.history(tenant, newSessionId()), [])
      })
    )

    it.effect("sees the transcript of the runs before it only", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const runs = yield* RunRepository
        const transcripts = yield* TranscriptRepository
        const first = (yield* started(tenant, newSession())).lease
        const entry = (uuid: string) => ({ type: "user", uuid })
        yield* transcripts.append(tenant, first, "", [entry("1"), entry("2")])
        yield* transcripts.append(tenant, first, "agent-1", [entry("1")])
        yield* runs.finish(first, [], completed)
        const second = (yield* started(tenant, existing(first.session_id))).lease
        yield* transcripts.append(tenant, second, "", [entry("3")])
        const fork = (yield* started(tenant, forkOf(first.session_id))).lease.session_id
        yield* transcripts.append(tenant, second, "agent-2", [entry("4")])

        const { session_id } = first
        assert.deepStrictEqual(yield* transcripts.load(tenant, session_id, ""), ["1", "2", "3"].map(entry))
        assert.deepStrictEqual(yield* transcripts.load(tenant, session_id, "", fork), ["1", "2"].map(entry))
        assert.deepStrictEqual(yield* transcripts.subpaths(tenant, session_id), ["agent-1", "agent-2"])
        assert.deepStrictEqual(yield* transcripts.subpaths(tenant, session_id, fork), ["agent-1"])
        assert.deepStrictEqual(yield* transcripts.load(tenant, session_id, "", newSessionId()), [])
      })
    )
  })

  describe("a deletion", () => {
    it.effect("takes everything of the session with it, and nothing of a stranger's", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const sessions = yield* SessionRepository
        const transcripts = yield* TranscriptRepository
        const controls = yield* RunControlRepository
        const runs = yield* RunRepository
        const sql = yield* SqlClient.SqlClient
        const { lease } = yield* started(tenant, newSession(), { idempotency: { key: "k", body_hash: "h" } })
        const { session_id, run_id } = lease
        yield* transcripts.append(tenant, lease, "", [{ type: "user" }])
        yield* controls.request(tenant, {
          id: RunControlId.make(crypto.randomUUID()),
          run_id,
          kind: "interrupt",
          change: null
        })
        assert.deepStrictEqual(yield* sessions.delete(tenant, session_id), { _tag: "Busy", run_id })
        yield* runs.finish(lease, records(tenant, lease, 1, 3), completed)
        assert.deepStrictEqual(yield* sessions.delete(stranger, session_id), { _tag: "Absent" })
        assert.deepStrictEqual(yield* sessions.delete(tenant, session_id), { _tag: "Deleted" })
        assert.deepStrictEqual(yield* sessions.delete(tenant, session_id), { _tag: "Absent" })
        const left = yield* sql<{ rows: number }>`
          SELECT (SELECT count(*) FROM runs WHERE session_id = ${session_id})
            + (SELECT count(*) FROM run_events WHERE session_id = ${session_id})
            + (SELECT count(*) FROM transcript_entries WHERE session_id = ${session_id})
            + (SELECT count(*) FROM run_controls WHERE run_id = ${run_id})
            + (SELECT count(*) FROM idempotency_keys WHERE run_id = ${run_id}) AS rows`
        assert.strictEqual(left[0]?.rows, 0)
      })
    )

    it.effect("leaves to forks the history that they need, and frees it with the last of them", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const sessions = yield* SessionRepository
        const log = yield* RunEventRepository
        const a = (yield* finishedRun(tenant, newSession(), 3)).session_id
        const b = (yield* finishedRun(tenant, forkOf(a), 2)).session_id
        yield* finishedRun(tenant, existing(a), 4)
        yield* finishedRun(tenant, existing(b), 2)
        const c = (yield* finishedRun(tenant, forkOf(b), 1)).session_id
        const d = (yield* finishedRun(tenant, forkOf(b), 1)).session_id
        yield* finishedRun(tenant, existing(b), 5)
        const eventsOf = (session: SessionId) =>
          Effect.map(log.read(tenant, session, { after: seq(0), limit: 100 }), (found) => found.length)

        assert.strictEqual((yield* sessions.delete(tenant, b))._tag, "Deleted")
        assert.deepStrictEqual(yield* sessions.history(tenant, c), [
          { session_id: a, until: seq(3) },
          { session_id: b, until: seq(4) },
          { session_id: c, until: null }
        ])
        assert.isNull(Option.getOrThrow(yield* sessions.find(tenant, c)).parent_session_id)
        assert.strictEqual(yield* eventsOf(a), 7)
        assert.strictEqual(yield* eventsOf(b), 4)

        assert.strictEqual((yield* sessions.delete(tenant, a))._tag, "Deleted")
        assert.strictEqual(yield* eventsOf(a), 3)
        // Both at once: each must see what the other leaves behind.
        const deletions = yield* Effect.forEach([c, d], (id) => sessions.delete(tenant, id), { concurrency: 2 })
        assert.deepStrictEqual(deletions, [{ _tag: "Deleted" }, { _tag: "Deleted" }])
        assert.deepStrictEqual([yield* eventsOf(a), yield* eventsOf(b), yield* eventsOf(c)], [0, 0, 0])
      })
    )

    it.effect("and starts in the same session come one after the other", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const sessions = yield* SessionRepository
        const runs = yield* RunRepository
        for (const _ of Array.range(1, 10)) {
          const { session_id } = yield* finishedRun(tenant, newSession(), 1)
          const [deletion, start, fork] = yield* Effect.all(
            [
              sessions.delete(tenant, session_id),
              runs.start(newRun(tenant, existing(session_id))),
              runs.start(newRun(tenant, forkOf(session_id)))
            ],
            { concurrency: "unbounded" }
          )
          if (deletion._tag === "Deleted") assert.strictEqual(start._tag, "Absent")
          else assert.deepStrictEqual([deletion._tag, start._tag], ["Busy", "Started"])
          assert.include(["Started", "Absent"], fork._tag)
          if (fork._tag === "Started") {
            assert.strictEqual((yield* sessions.history(tenant, fork.session.id)).length, 2)
          }
        }
      })
    )
  })

  describe("a transcript", () => {
    it.effect("comes back as it was written, in order, each uuid once", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const transcripts = yield* TranscriptRepository
        const { lease } = yield* started(tenant, newSession())
        const { session_id } = lease
        const odd = { type: "user", uuid: "u1", z: 1, a: "\0\ud800 é", nested: { "\0": [null, 1e21, "2026"] } }
        const plain = { type: "summary" }
        assert.isTrue(yield* transcripts.append(tenant, lease, "", [odd, plain, { type: "user", uuid: "u2" }]))
        assert.isTrue(yield* transcripts.append(tenant, lease, "", [{ ...odd, z: 2 }, plain]))
        assert.isTrue(yield* transcripts.append(tenant, lease, "", []))
        const loaded = yield* transcripts.load(tenant, session_id, "")
        assert.strictEqual(JSON.stringify(loaded), JSON.stringify([odd, plain, { type: "user", uuid: "u2" }, plain]))
        // One uuid may stand in several subpaths.
        yield* transcripts.append(tenant, lease, "agent/x\0", [odd])
        assert.strictEqual((yield* transcripts.load(tenant, session_id, "agent/x\0")).length, 1)
        assert.strictEqual((yield* transcripts.subpaths(tenant, session_id)).length, 1)
        assert.deepStrictEqual(yield* transcripts.load(stranger, session_id, ""), [])
        assert.deepStrictEqual(yield* transcripts.subpaths(stranger, session_id), [])
      })
    )

    it.effect("takes nothing without the lease", () =>
      Effect.gen(function* () {
        const tenant = yield* newTenant
        const stranger = yield* newTenant
        const transcripts = yield* TranscriptRepository
        const { lease } = yield* started(tenant, newSession())
        const entry = { type: "user" }
        assert.isFalse(yield* transcripts.append(tenant, { ...lease, fence: 0 }, "", [entry]))
        assert.isFalse(yield* transcripts.append(tenant, { ...lease, run_id: newRunId() }, "", [entry]))
        assert.isFalse(yield* transcripts.append(stranger, lease, "", [entry]))
        assert.deepStrictEqual(yield* transcripts.load(tenant, lease.session_id, ""), [])
      })
    )
  })
})
