import { Schema } from "effect"
import { ApiKeyId } from "./ApiKey.ts"
import { Approval, ApprovalId } from "./Approval.ts"
import { Moment } from "./Moment.ts"

/** Identifies what somebody has allowed for a session: the approval with which it was allowed. */
export const SessionRuleId = ApprovalId
export type SessionRuleId = ApprovalId

/** What somebody has allowed for a session, for as long as it lasts or until it is taken back. */
export class SessionRule extends Schema.Class<SessionRule>("SessionRule")({
  id: SessionRuleId,
  session_id: Approval.fields.session_id,
  run_id: Approval.fields.run_id,
  tool_name: Approval.fields.tool_name,
  /** What is allowed, exactly. */
  rules: Approval.fields.rules,
  /** The key with which it was allowed; null if that was before this was kept. */
  allowed_by: Schema.NullOr(ApiKeyId),
  allowed_at: Moment
}) {}
