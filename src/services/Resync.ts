import type { RunId } from "../domain/Run.ts"
import { Sequence } from "../domain/Run.ts"
import type { ResyncData } from "../domain/RunEvent.ts"
import type { Removal } from "../storage/RetentionRepository.ts"
import { type Frame, makeFrame } from "./Frame.ts"

/**
 * Tells a reader that something after its cursor is no more. Its id is the number before the first event that is:
 * who is cut right after it is not told again.
 */
export const resyncFrame = (run_id: RunId | null, removal: Removal, last: Sequence): Frame => {
  const data: ResyncData = {
    reason: removal.whole ? "events_removed" : "deltas_removed",
    first_kept: removal.first_kept
  }
  return makeFrame({
    run_id,
    seq: removal.first_kept === null ? last : Sequence.make(removal.first_kept - 1),
    event: "resync",
    data: JSON.stringify(data)
  })
}
