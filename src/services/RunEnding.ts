import type { AgentOutcome, AgentResult } from "../domain/Agent.ts"
import { entryOf } from "../domain/errors/catalogue.ts"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import type { RunFailure } from "../domain/errors/RunFailure.ts"
import { SessionPersistFailed } from "../domain/errors/SessionErrors.ts"
import type { FinalRunStatus, Run, RunError, RunId, RunTotals } from "../domain/Run.ts"
import type { DoneReason, ResultData, RunEvent } from "../domain/RunEvent.ts"
import type { SessionId, SessionStatus } from "../domain/Session.ts"
import type { RunEnd } from "../storage/RunEnd.ts"
import type { CommitFailure } from "./LogWriter.ts"
import { totalsOf, withSegment } from "./RunTotals.ts"

/** Which run ends, and what its last events must say beside the outcome. */
export interface EndingRun {
  readonly session_id: SessionId
  readonly run_id: RunId
  readonly request_id: string | null
  /** What it had come to before the agent that ended now. */
  readonly earlier: RunTotals
  /** How long that agent was at work. */
  readonly duration_ms: number
}

type OutcomeEnd = Omit<RunEnd, "transcript_complete">

/** How a run ends: its last events, what is stored of it, and the failure that is to be reported. */
export interface Ending {
  readonly events: ReadonlyArray<RunEvent>
  readonly end: OutcomeEnd
  readonly failure: RunFailure | null
}

/** What is known of a turn of which nothing is known. */
const nothing: AgentResult = {
  result: null,
  stop_reason: null,
  num_turns: null,
  total_cost_usd: null,
  usage: null,
  model_usage: null,
  permission_denials: []
}

/** A failure as it is kept with its run. */
export const runErrorOf = (failure: RunFailure): RunError => {
  const { code, error_id } = entryOf(failure._tag)
  return { code, error_id, message: failure.message }
}

const totalsAt = ({ duration_ms, earlier }: EndingRun, result: AgentResult): RunTotals =>
  withSegment(earlier, result, duration_ms)

const resultEvent = (run: EndingRun, result: AgentResult, saved: boolean): RunEvent => {
  const totals = totalsAt(run, result)
  const data: ResultData = {
    session_id: run.session_id,
    run_id: run.run_id,
    is_error: false,
    saved,
    ...result,
    ...totals,
    duration_ms: totals.duration_ms ?? 0
  }
  return { event: "result", data }
}

/** What an agent came to, with what the run came to in place of its own part of that. */
const withTotals = (run: EndingRun, result: AgentResult): AgentResult => {
  const { model_usage, num_turns, total_cost_usd, usage } = totalsAt(run, result)
  return { ...result, model_usage, num_turns, total_cost_usd, usage }
}

const errorEvent = (run: EndingRun, failure: RunFailure, result: AgentResult | null): RunEvent => {
  const error = toErrorObject(failure, run.request_id)
  const details = result === null ? error.details : { ...error.details, result: withTotals(run, result) }
  return { event: "error", data: { ...error, details, fatal: true } }
}

const doneEvent = (run: EndingRun, reason: DoneReason): RunEvent => ({
  event: "done",
  data: { session_id: run.session_id, run_id: run.run_id, reason }
})

const endOf = (
  run: EndingRun,
  status: FinalRunStatus,
  session_status: SessionStatus,
  result: AgentResult,
  failure: RunFailure | null
): OutcomeEnd => ({
  status,
  session_status,
  ...totalsAt(run, result),
  error: failure === null ? null : runErrorOf(failure)
})

/** How a run whose agent's turn ended so ends itself. */
export const endingOf = (run: EndingRun, outcome: AgentOutcome): Ending => {
  switch (outcome._tag) {
    case "Completed":
      return {
        events: [resultEvent(run, outcome.result, true), doneEvent(run, "completed")],
        end: endOf(run, "completed", "completed", outcome.result, null),
        failure: null
      }
    case "Interrupted":
      return {
        events: [resultEvent(run, outcome.result, true), doneEvent(run, "interrupted")],
        end: endOf(run, "interrupted", "completed", outcome.result, null),
        failure: null
      }
    // The agent finished, and only the account of it was lost: the run is no failure, its cost is unknown.
    case "Unreadable":
      return {
        events: [resultEvent(run, nothing, true), doneEvent(run, "completed")],
        end: endOf(run, "completed", "completed", nothing, null),
        failure: outcome.failure
      }
    case "Failed":
      return {
        events: [errorEvent(run, outcome.failure, outcome.result), doneEvent(run, "error")],
        end: endOf(run, "failed", "error", outcome.result ?? nothing, outcome.failure),
        failure: outcome.failure
      }
  }
}

/** What readers are shown of a run whose end the database did not take. */
export const unsavedEnding = (
  run: EndingRun,
  outcome: AgentOutcome | null,
  reason: CommitFailure
): { readonly events: ReadonlyArray<RunEvent>; readonly failure: SessionPersistFailed } => {
  const result = outcome === null || outcome._tag === "Unreadable" ? nothing : (outcome.result ?? nothing)
  const failure = new SessionPersistFailed({
    session_id: run.session_id,
    run_id: run.run_id,
    database_error_id: entryOf(reason._tag).error_id
  })
  return {
    events: [errorEvent(run, failure, null), resultEvent(run, result, false), doneEvent(run, "error")],
    failure
  }
}

/** The last events of a segment after which a run waits for an answer. */
export const waitingEvents = ({ run_id, session_id }: Pick<Run, "session_id"> & { readonly run_id: RunId }) =>
  [
    { event: "status", data: { status: "waiting", message: "The run goes on when somebody has answered." } },
    { event: "done", data: { session_id, run_id, reason: "waiting" } }
  ] as const satisfies ReadonlyArray<RunEvent>

/** What a run comes to whose agent did nothing. */
const untouched: AgentResult = { ...nothing, num_turns: 0, total_cost_usd: 0 }

/** How a run ends that is interrupted while no agent works on it. */
export const interruptedEnding = (run: Run, request_id: string | null): Ending => {
  const ending = { session_id: run.session_id, run_id: run.id, request_id, earlier: totalsOf(run), duration_ms: 0 }
  return endingOf(ending, { _tag: "Interrupted", result: untouched })
}
