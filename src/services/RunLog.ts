import type { RunId, Sequence } from "../domain/Run.ts"
import type { RunEventName } from "../domain/RunEvent.ts"

/** One event as readers get it. Its bytes are made once and shared by all readers. */
export interface Frame {
  readonly run_id: RunId
  /** Null for what could not be stored: a cursor never moves there. */
  readonly seq: Sequence | null
  readonly event: RunEventName
  /** JSON in one line. */
  readonly data: string
  /** The server-sent event: `event:`, `id:` where there is one, `data:`. */
  readonly bytes: Uint8Array
}
