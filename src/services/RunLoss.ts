import { Effect, Option, Schema } from "effect"
import { RunLost } from "../domain/errors/AgentErrors.ts"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import { Sequence } from "../domain/Run.ts"
import { MessageData, type RunEvent } from "../domain/RunEvent.ts"
import { Settings } from "../domain/Settings.ts"
import { RunEventRepository } from "../storage/RunEventRepository.ts"
import type { StoredRun } from "../storage/StoredRun.ts"
import { type FailureFields, reportFailure } from "./FailureReport.ts"
import { runErrorOf } from "./RunEnding.ts"
import { RunLog } from "./RunLog.ts"
import { totalsOf } from "./RunTotals.ts"

const decodeMessage = Schema.decodeUnknownOption(Schema.fromJsonString(MessageData))

/** The tool call that was asked for last and never answered. */
const pendingToolUse = (messages: ReadonlyArray<string>): string | null => {
  const pending = new Set<string>()
  for (const message of messages.flatMap((data) => Option.toArray(decodeMessage(data)))) {
    for (const block of message.content) {
      if (block.type === "tool_use" && typeof block["id"] === "string") pending.add(block["id"])
      if (block.type === "tool_result" && typeof block["tool_use_id"] === "string") pending.delete(block["tool_use_id"])
    }
  }
  return [...pending].at(-1) ?? null
}

/** What log lines say of a run that was found in the database. */
export const fieldsOf = (
  { api_key_hash, lease, prompt_preview, request_id, tenant_id }: StoredRun,
  logPrompts: boolean
): FailureFields => ({
  request_id,
  run_id: lease.run_id,
  session_id: lease.session_id,
  tenant_id,
  api_key_hash,
  ...(logPrompts ? { prompt_preview } : {})
})

/** Makes what ends a run that nobody can go on with, as `lost`. This instance holds its lease. */
export const makeRunLoss = Effect.gen(function* () {
  const { logPrompts } = yield* Settings
  const events = yield* RunEventRepository
  const log = yield* RunLog

  return Effect.fn("RunLoss.end")(function* (stored: StoredRun) {
    const { lease, run, tenant_id } = stored
    const { run_id, session_id } = lease
    const messages = yield* events.read(tenant_id, session_id, {
      after: Sequence.make(0),
      limit: 10_000,
      run: run_id,
      events: ["message"]
    })
    const failure = new RunLost({ run_id, pending_tool_use_id: pendingToolUse(messages.map(({ data }) => data)) })
    const last: ReadonlyArray<RunEvent> = [
      { event: "error", data: { ...toErrorObject(failure, null), fatal: true } },
      { event: "done", data: { session_id, run_id, reason: "error" } }
    ]
    const subject = { tenant_id, session_id, run_id }
    const writer = log.open(subject, lease, run.last_seq)
    yield* writer
      .finish(last, {
        status: "lost",
        session_status: "error",
        // What its agent had not yet handed over died with it.
        transcript_complete: false,
        ...totalsOf(run),
        cost_unknown: true,
        error: runErrorOf(failure)
      })
      .pipe(Effect.ensuring(log.close(subject)))
    yield* reportFailure(failure, fieldsOf(stored, logPrompts))
  })
})
