import { Clock, Effect, Layer, Option, Schedule, Schema } from "effect"
import { entryOf } from "../domain/errors/catalogue.ts"
import { RunLost } from "../domain/errors/AgentErrors.ts"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import { type RunId, Sequence } from "../domain/Run.ts"
import { MessageData, type RunEvent } from "../domain/RunEvent.ts"
import { Settings } from "../domain/Settings.ts"
import { RunEventRepository } from "../storage/RunEventRepository.ts"
import { type ExpiredRun, RunRepository } from "../storage/RunRepository.ts"
import { reportFailure } from "./FailureReport.ts"
import { leaseMillis, Leases } from "./Leases.ts"
import { RunLog } from "./RunLog.ts"
import { noteUnowned } from "./RunMetrics.ts"

/** How often expired leases are looked for, and how long one must have been seen before it is taken over. */
const sweepEvery = 1000

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

/**
 * Ends runs whose instance died: an expired lease that is seen twice, a second apart, is
 * taken over with the next fence, and the run ends as `lost`. Seeing it twice with a
 * database that answers keeps a pause of this instance from being taken for a death of another.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { instanceId, logPrompts } = yield* Settings
    const runs = yield* RunRepository
    const events = yield* RunEventRepository
    const leases = yield* Leases
    const log = yield* RunLog
    let suspects = new Map<RunId, number>()

    const end = Effect.fn("LostRuns.end")(function* (run: ExpiredRun) {
      const { run_id, session_id } = run.lease
      const messages = yield* events.read(run.tenant_id, session_id, {
        after: Sequence.make(0),
        limit: 10_000,
        run: run_id,
        events: ["message"]
      })
      const failure = new RunLost({ run_id, pending_tool_use_id: pendingToolUse(messages.map(({ data }) => data)) })
      const { code, error_id } = entryOf(failure._tag)
      const last: ReadonlyArray<RunEvent> = [
        { event: "error", data: { ...toErrorObject(failure, null), fatal: true } },
        { event: "done", data: { session_id, run_id, reason: "error" } }
      ]
      const subject = { tenant_id: run.tenant_id, session_id, run_id }
      const writer = log.open(subject, run.lease, run.last_seq)
      yield* writer
        .finish(last, {
          status: "lost",
          session_status: "error",
          // What its agent had not yet handed over died with it.
          transcript_complete: false,
          num_turns: null,
          total_cost_usd: null,
          cost_unknown: true,
          usage: null,
          error: { code, error_id, message: failure.message }
        })
        .pipe(Effect.ensuring(log.close(subject)))
      yield* reportFailure(failure, {
        request_id: run.request_id,
        run_id,
        session_id,
        tenant_id: run.tenant_id,
        api_key_hash: run.api_key_hash,
        ...(logPrompts ? { prompt_preview: run.prompt_preview } : {})
      })
    })

    const sweep = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const expired = (yield* runs.expired).filter(({ lease }) => !leases.holds(lease.run_id))
      yield* noteUnowned(expired.length)
      const seen = new Map(expired.map(({ lease }) => [lease.run_id, suspects.get(lease.run_id) ?? now]))
      for (const run of expired) {
        if (now - (seen.get(run.lease.run_id) ?? now) < sweepEvery * 0.9) continue
        const taken = yield* runs.takeOver(run, instanceId, leaseMillis)
        if (Option.isSome(taken)) yield* end(taken.value)
      }
      suspects = seen
    }).pipe(
      // What could not be ended now is found again, a second later.
      Effect.catch((failure) =>
        Effect.logDebug("Lost runs cannot be looked for", failure).pipe(
          Effect.andThen(Effect.sync(() => (suspects = new Map())))
        )
      )
    )

    yield* Effect.repeat(sweep, Schedule.fixed(sweepEvery)).pipe(Effect.forkScoped)
  })
)
