import { Effect, type Scope } from "effect"
import type { RunId } from "../domain/Run.ts"
import type { SessionId } from "../domain/Session.ts"
import type { ReadSubject } from "./LogReading.ts"

/** Who reads what on this instance. */
export interface ReaderCounts {
  /** Counts a reader until the scope closes. */
  readonly add: (subject: ReadSubject) => Effect.Effect<void, never, Scope.Scope>
  /** How many read a run: it alone, or all of its session. */
  readonly of: (session: SessionId, run: RunId) => number
  /** What is read here. */
  readonly subjects: () => { readonly runs: ReadonlyArray<RunId>; readonly sessions: ReadonlyArray<SessionId> }
}

/** Makes the counts of an instance. */
export const makeReaderCounts = (): ReaderCounts => {
  const runs = new Map<RunId, number>()
  const sessions = new Map<SessionId, number>()

  const change = <Id>(counts: Map<Id, number>, id: Id, by: 1 | -1) => {
    const count = (counts.get(id) ?? 0) + by
    if (count === 0) counts.delete(id)
    else counts.set(id, count)
  }

  const count = ({ run_id, session_id }: ReadSubject, by: 1 | -1) =>
    Effect.sync(() => (run_id === null ? change(sessions, session_id, by) : change(runs, run_id, by)))

  return {
    add: (subject) => Effect.acquireRelease(count(subject, 1), () => count(subject, -1)),
    of: (session, run) => (runs.get(run) ?? 0) + (sessions.get(session) ?? 0),
    subjects: () => ({ runs: [...runs.keys()], sessions: [...sessions.keys()] })
  }
}
