import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { AgentShareRepository } from "../../src/storage/AgentShareRepository.ts"
import { ApprovalRepository } from "../../src/storage/ApprovalRepository.ts"
import { ApiKeyRepository } from "../../src/storage/ApiKeyRepository.ts"
import { BudgetRepository } from "../../src/storage/BudgetRepository.ts"
import { MemoryIndexRepository } from "../../src/storage/MemoryIndexRepository.ts"
import { MemoryJobRepository } from "../../src/storage/MemoryJobRepository.ts"
import { MemoryRepository } from "../../src/storage/MemoryRepository.ts"
import type { SearchScope } from "../../src/storage/MemoryScopes.ts"
import { ProjectId } from "../../src/domain/Project.ts"
import { ProjectRepository } from "../../src/storage/ProjectRepository.ts"
import { RunEventRepository } from "../../src/storage/RunEventRepository.ts"
import { RunQueueRepository } from "../../src/storage/RunQueueRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import { SessionRuleRepository } from "../../src/storage/SessionRuleRepository.ts"
import { SessionRepository } from "../../src/storage/SessionRepository.ts"
import { TenantRepository } from "../../src/storage/TenantRepository.ts"
import { TranscriptRepository } from "../../src/storage/TranscriptRepository.ts"
import { onServerDatabase } from "./Databases.ts"
import { newTenant, seq, started, newSession } from "./Fixtures.ts"
import { planOf } from "./Plans.ts"

const position = { created_at: "2026-01-01T00:30:00.000000Z", id: "80000000-0000-4000-8000-000000000000" }

onServerDatabase("with thousands of rows", (it) => {
  it.effect("every list and look-up goes by an index", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const tenant = yield* newTenant
      const { lease } = yield* started(tenant, newSession())
      yield* sql`
        INSERT INTO tenants (id, name) SELECT gen_random_uuid(), 'tenant ' || number FROM generate_series(1, 2000) number`
      yield* sql`
        INSERT INTO sessions (id, tenant_id, cwd, created_at, title, status, mode, tags)
        SELECT gen_random_uuid(), ${tenant}, '/', timestamptz '2026-01-01' + number * interval '1 second', 'T' || number,
          CASE WHEN number % 50 = 0 THEN 'error' ELSE 'completed' END,
          CASE WHEN number % 50 = 0 THEN 'brainstorm' ELSE 'code' END, ARRAY['t' || number % 500]
        FROM generate_series(1, 5000) number`
      yield* sql`
        INSERT INTO api_keys (id, tenant_id, name, key_hash, scopes)
        SELECT gen_random_uuid(), ${tenant}, 'k', 'h' || number, '{query}' FROM generate_series(1, 2000) number`
      yield* sql`
        INSERT INTO runs (id, tenant_id, session_id, status, options, prompt_preview, api_key_hash, request_id, fence,
          start_seq, last_seq, total_cost_usd, ended_at)
        SELECT gen_random_uuid(), ${tenant}, id, 'completed', '{}', '', '', '', 1, 0, 0, 0.5, created_at
        FROM sessions WHERE id <> ${lease.session_id}`
      yield* sql`
        INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
        SELECT ${lease.session_id}, number, ${lease.run_id}, ${tenant}, 'message', '{}'
        FROM generate_series(1, 5000) number`
      yield* sql`
        INSERT INTO session_rewinds (id, tenant_id, session_id, checkpoint_id, restore, expires_at)
        SELECT gen_random_uuid(), ${tenant}, id, gen_random_uuid(), 'both', now() FROM sessions`
      yield* sql`
        INSERT INTO transcript_entries (session_id, subpath, tenant_id, fence, entry)
        SELECT id, '', ${tenant}, 1, '{"type":"user"}' FROM sessions`
      const [project] = yield* sql<{ id: string }>`
        INSERT INTO projects (id, tenant_id, name, path, metadata)
        SELECT gen_random_uuid(), ${tenant}, 'p' || number, 'p' || number, '{}' FROM generate_series(1, 2000) number
        RETURNING id`
      const project_id = ProjectId.make(project?.id ?? "")
      const [agent] = yield* sql<{ id: string }>`
        INSERT INTO agents (id, tenant_id, name, version, definition)
        SELECT gen_random_uuid(), ${tenant}, 'a' || number, 1, '{}' FROM generate_series(1, 2000) number
        RETURNING id`
      const agent_id = agent?.id ?? ""
      yield* sql`
        INSERT INTO agent_shares (token_hash, agent_id, expires_at)
        SELECT 'h' || number, ${agent_id}, now() + interval '1 day' FROM generate_series(1, 2000) number`
      yield* sql`UPDATE sessions SET project_id = ${project_id} WHERE title LIKE '%77'`
      yield* sql`
        INSERT INTO memories (id, tenant_id, memory, hash, user_id, conversation, turn, embedded_by, embedding, signs)
        SELECT gen_random_uuid(), ${tenant}, 'word' || number % 900 || ' and word' || number, number, 'u' || number % 50,
          'c' || number % 50, number, 'm', '{1,0}', B'10'
        FROM generate_series(1, 5000) number`
      yield* sql`
        INSERT INTO memory_jobs (run_id, tenant_id, session_id, scope, withheld, done_seq, pending_done, owner, due_at)
        SELECT id, tenant_id, session_id, '{}', '{}', 1, CASE WHEN id::text LIKE '0%' THEN '{}' END, '', now() FROM runs`
      yield* sql`
        INSERT INTO approvals (id, tenant_id, session_id, run_id, kind, tool_name, tool_use_id, input, rules, of_subagent,
          status, created_at, expires_at)
        SELECT gen_random_uuid(), ${tenant}, session_id, id, 'permission', 'Bash', '', '{}', '[]', false,
          CASE WHEN id::text LIKE '00%' THEN 'pending' WHEN id::text LIKE '0%' THEN 'answered' ELSE 'expired' END,
          created_at, now()
        FROM runs`
      yield* sql`VACUUM ANALYZE`

      const sessions = yield* SessionRepository
      const runs = yield* RunRepository
      const log = yield* RunEventRepository
      const expectIndex = <A, E, R>(call: Effect.Effect<A, E, R>, index: string, sorted = true) =>
        Effect.map(planOf(call), (plan) => {
          assert.include(plan, index)
          assert.notInclude(plan, "Seq Scan")
          if (sorted) assert.notInclude(plan, "Sort")
        })
      for (const at of [null, position]) {
        yield* expectIndex(sessions.list(tenant, {}, at, 50), "sessions_by_tenant")
        yield* expectIndex(sessions.list(tenant, { status: "error" }, at, 50), "sessions_by_status")
        yield* expectIndex(sessions.list(tenant, { mode: "brainstorm" }, at, 50), "sessions_by_mode")
        yield* expectIndex(sessions.list(tenant, { project_id }, at, 50), "sessions_by_project")
        // All that tenants keep under names is listed by the same statement.
        yield* expectIndex(
          Effect.flatMap(ProjectRepository, (all) => all.list(tenant, at, 50)),
          "projects_by_tenant"
        )
        // So are shares of all things.
        yield* expectIndex(
          Effect.flatMap(AgentShareRepository, (all) => all.list(tenant, agent_id, at, 50)),
          "agent_shares_by_age"
        )
        yield* expectIndex(sessions.list(tenant, { search: "9" }, at, 50), "sessions_by_tenant")
        yield* expectIndex(sessions.list(tenant, { tags: ["t7"] }, at, 50), "sessions_by_tag", false)
        yield* expectIndex(
          Effect.flatMap(TenantRepository, (all) => all.list(at, 50)),
          "tenants_by_age"
        )
        yield* expectIndex(
          Effect.flatMap(ApiKeyRepository, (all) => all.list(tenant, at, 50)),
          "api_keys_by_tenant"
        )
      }
      const approvals = yield* ApprovalRepository
      for (const at of [null, position]) {
        yield* expectIndex(approvals.list(tenant, {}, at, 50), "approvals_by_tenant")
        yield* expectIndex(approvals.list(tenant, { status: "answered" }, at, 50), "approvals_by_status")
        yield* expectIndex(approvals.list(tenant, { run_id: lease.run_id }, at, 50), "approvals_by_run")
        yield* expectIndex(approvals.list(tenant, { session_id: lease.session_id }, at, 50), "approvals_by_session")
      }
      const rules = yield* SessionRuleRepository
      yield* expectIndex(rules.list(tenant, lease.session_id, null, 50), "approvals_for_session")
      yield* expectIndex(rules.inForce(tenant, lease.session_id), "approvals_for_session", false)
      yield* expectIndex(approvals.standing(lease.run_id), "approvals_by_run", false)
      yield* expectIndex(approvals.due(50), "approvals_by_", false)
      yield* expectIndex(log.read(tenant, lease.session_id, { after: seq(4900), limit: 50 }), "run_events_pkey")
      yield* expectIndex(runs.findLive(tenant, lease.session_id), "runs_live_by_session", false)
      yield* expectIndex(
        Effect.flatMap(RunQueueRepository, (queue) => queue.startable([], 20)),
        "runs_live_by_session",
        false
      )
      yield* expectIndex(
        Effect.flatMap(BudgetRepository, (budgets) => budgets.find(tenant)),
        "Index Only Scan using runs_by_expense",
        false
      )
      yield* expectIndex(
        Effect.flatMap(BudgetRepository, (budgets) => budgets.allowance(tenant, lease.session_id)),
        "Index Only Scan using runs_by_expense",
        false
      )
      yield* expectIndex(runs.expired, "runs_running", false)

      const memories = yield* MemoryRepository
      const words = yield* MemoryIndexRepository
      const jobs = yield* MemoryJobRepository
      const whole: SearchScope = { tenant, match: "only", scope: {} }
      const one: SearchScope = { tenant, match: "only", scope: { user_id: "u7" } }
      yield* expectIndex(memories.list(tenant, {}, position, 50), "memories_by_tenant")
      yield* expectIndex(memories.list(tenant, { user_id: "u7" }, position, 50), "memories_by_user")
      const terms = [{ place: 0, term: "word7", weight: 1 }]
      for (const where of [whole, one]) {
        yield* expectIndex(
          words.candidates(where, terms, [{ place: 1, term: "word8" }], 3, 100),
          "memory_terms_pkey",
          false
        )
      }
      const asked = [{ text: "word7", kind: "word", original: true }] as const
      yield* expectIndex(words.analyse(tenant, asked), "memory_terms_pkey", false)
      yield* expectIndex(words.neighbours(tenant, [7, 70], ["word7"]), "memories_by_place", false)
      yield* expectIndex(words.read(tenant, [7, 70]), "memories_number_key", false)
      yield* expectIndex(jobs.isPending(tenant, lease.session_id), "memory_jobs_pending", false)
      yield* expectIndex(
        Effect.flatMap(TranscriptRepository, (all) => all.load(tenant, lease.session_id, "")),
        "transcript_entries_pkey",
        false
      )
    })
  )
})
