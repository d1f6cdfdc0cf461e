import { type Run, type RunId, Sequence } from "../domain/Run.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import { encodeData, type Frame, makeFrame } from "./Frame.ts"
import { interruptedEnding } from "./RunEnding.ts"

/** What is said last to a reader whose run goes on elsewhere while this instance stops. */
export const instanceStopping = "instance_stopping"

const unstored = (run_id: RunId | null, seq: Sequence | null, event: RunEvent): Frame =>
  makeFrame({ run_id, seq, event: event.event, data: encodeData(event) })

/** Its id is the reader's cursor, where another instance goes on. */
export const farewellFrame = (run_id: RunId | null, cursor: number): Frame =>
  unstored(run_id, Sequence.make(cursor), {
    event: "status",
    data: { status: instanceStopping, message: `This instance stops. Go on after event ${cursor}.` }
  })

/** What is said first to a reader whose run waits for its turn. Its id is the reader's cursor. */
export const queuedFrame = ({ id: run_id, session_id }: Run, cursor: Sequence): Frame =>
  unstored(run_id, cursor, {
    event: "status",
    data: { status: "queued", message: "The run waits for its turn.", session_id, run_id }
  })

/** The end of a run that was interrupted before it began: it has no numbers, so nothing of it is stored. */
export const droppedFrames = (run: Run): ReadonlyArray<Frame> =>
  interruptedEnding(run, null).events.map((event) => unstored(run.id, null, event))
