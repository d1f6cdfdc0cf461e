import type { RunId, Sequence } from "../domain/Run.ts"
import type { RunEvent, RunEventName } from "../domain/RunEvent.ts"

/** One event as readers get it. Its bytes are made once and shared by all readers. */
export interface Frame {
  /** Null for what belongs to no run. */
  readonly run_id: RunId | null
  /** Null for what could not be stored: a cursor never moves there. */
  readonly seq: Sequence | null
  /** `resync` is about the log and never in it. */
  readonly event: RunEventName | "resync"
  /** JSON in one line. */
  readonly data: string
  /** The server-sent event: `id:` where there is one, `event:`, `data:`. */
  readonly bytes: Uint8Array
}

/** Makes the frame of a stored or to be stored event. */
export const makeFrame = (record: Omit<Frame, "bytes">): Frame => {
  const id = record.seq === null ? "" : `id: ${record.seq}\n`
  return {
    run_id: record.run_id,
    seq: record.seq,
    event: record.event,
    data: record.data,
    bytes: Buffer.from(`${id}event: ${record.event}\ndata: ${record.data}\n\n`)
  }
}

/** An event's data as it is stored and sent. */
export const encodeData = (event: RunEvent): string => JSON.stringify(event.data)
