import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { ApiKeyId } from "../domain/ApiKey.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { SessionId } from "../domain/Session.ts"
import { SessionRule, SessionRuleId } from "../domain/SessionRule.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { makeExecute } from "./DatabaseCalls.ts"
import { after, pageOf } from "./KeysetPage.ts"
import { allRows, firstRow } from "./Rows.ts"

const RuleKey = Schema.Struct({ id: SessionRuleId })
const RuleTexts = Schema.Struct({ rules: SessionRule.fields.rules })

/** What was allowed for sessions: answers to approvals, until they are taken back. */
export class SessionRuleRepository extends Context.Service<
  SessionRuleRepository,
  {
    /** What holds for a session, by what was asked last; from after `position`. */
    list(
      tenant: TenantId,
      session: SessionId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<SessionRule>, DatabaseFailure>
    /** The same as rules, without what stands there twice. */
    inForce(tenant: TenantId, session: SessionId): Effect.Effect<ReadonlyArray<string>, DatabaseFailure>
    /** Takes back what was allowed, once; false if nothing was ever allowed by that. */
    revoke(
      tenant: TenantId,
      session: SessionId,
      id: SessionRuleId,
      revoked_by: ApiKeyId
    ): Effect.Effect<boolean, DatabaseFailure>
  }
>()("causeway/storage/SessionRuleRepository") {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    SessionRuleRepository,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const execute = yield* makeExecute
      const page = pageOf(SessionRule)
      const ruleKey = firstRow(RuleKey)
      const ruleTexts = allRows(RuleTexts)

      const allowedFor = (tenant: TenantId, session: SessionId) =>
        sql`session_id = ${session} AND tenant_id = ${tenant} AND status = 'answered' AND answer->>'scope' = 'session'`

      const list = Effect.fn("SessionRuleRepository.list")(
        (tenant: TenantId, session: SessionId, position: PagePosition | null, size: number) =>
          execute(
            "SessionRuleRepository.list",
            page(
              size,
              sql`
                SELECT id, session_id, run_id, tool_name, rules, answered_by AS allowed_by, answered_at AS allowed_at,
                  created_at
                FROM approvals
                WHERE ${allowedFor(tenant, session)} AND rules_revoked_at IS NULL AND ${after(sql, position)}
                ORDER BY created_at DESC, id DESC LIMIT ${size + 1}`
            )
          )
      )

      const inForce = Effect.fn("SessionRuleRepository.inForce")((tenant: TenantId, session: SessionId) =>
        execute(
          "SessionRuleRepository.inForce",
          ruleTexts(sql`
            SELECT rules FROM approvals WHERE ${allowedFor(tenant, session)} AND rules_revoked_at IS NULL
            ORDER BY created_at DESC, id DESC`)
        ).pipe(Effect.map((rows) => [...new Set(rows.flatMap(({ rules }) => rules))]))
      )

      const revoke = Effect.fn("SessionRuleRepository.revoke")(
        (tenant: TenantId, session: SessionId, id: SessionRuleId, revoked_by: ApiKeyId) =>
          execute(
            "SessionRuleRepository.revoke",
            ruleKey(sql`
              UPDATE approvals SET
                rules_revoked_at = coalesce(rules_revoked_at, clock_timestamp()),
                rules_revoked_by = coalesce(rules_revoked_by, ${revoked_by}::uuid)
              WHERE id = ${id} AND ${allowedFor(tenant, session)}
              RETURNING id`)
          ).pipe(Effect.map(Option.isSome))
      )

      return SessionRuleRepository.of({ list, inForce, revoke })
    })
  )
}
