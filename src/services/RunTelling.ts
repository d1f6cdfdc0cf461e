import { Effect } from "effect"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import type { RunEvent } from "../domain/RunEvent.ts"
import { reportFailure } from "./FailureReport.ts"
import type { RunAssignment } from "./RunAssignment.ts"

/** Makes what tells readers something of a run while its agent is at work. */
export const makeTelling = ({ fields, writer }: Pick<RunAssignment, "fields" | "writer">) => {
  // An event that cannot be written any more is dropped: `writer.failed` says so, and the outcome is still wanted.
  const tell = (event: RunEvent): Effect.Effect<void> => Effect.ignore(writer.append(event))
  return {
    tell,
    /** Reports a failure that the run survives. */
    warn: (failure: Parameters<typeof toErrorObject>[0]): Effect.Effect<void> =>
      Effect.andThen(
        reportFailure(failure, fields),
        tell({ event: "error", data: { ...toErrorObject(failure, fields.request_id ?? null), fatal: false } })
      )
  }
}
