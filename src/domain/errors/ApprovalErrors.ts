import { Schema } from "effect"
import { ApprovalId } from "../Approval.ts"
import { SessionRuleId } from "../SessionRule.ts"

/** No such approval, or another tenant's. */
export class ApprovalNotFound extends Schema.TaggedError<ApprovalNotFound>()("ApprovalNotFound", {
  approval_id: ApprovalId
}) {
  override get message() {
    return "There is no such approval."
  }
}

/** Nothing was ever allowed for this session under this id. */
export class SessionRuleNotFound extends Schema.TaggedError<SessionRuleNotFound>()("SessionRuleNotFound", {
  rule_id: SessionRuleId
}) {
  override get message() {
    return "There is no such rule of this session."
  }
}

/** Somebody has answered before. */
export class ApprovalAnswered extends Schema.TaggedError<ApprovalAnswered>()("ApprovalAnswered", {
  approval_id: ApprovalId
}) {
  override get message() {
    return "It has been answered already."
  }
}

/** It cannot be answered any more: its time is over, or its run has ended. */
export class ApprovalOver extends Schema.TaggedError<ApprovalOver>()("ApprovalOver", {
  approval_id: ApprovalId,
  status: Schema.Literals(["expired", "cancelled"])
}) {
  override get message() {
    return this.status === "expired" ? "The time for an answer is over." : "The run has ended."
  }
}
