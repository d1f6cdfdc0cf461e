import { Context } from "effect"

/** The request that is being handled, for log lines and answers. */
export interface RequestInformation {
  readonly requestId: string
  /** When it arrived, by `performance.now()`. */
  readonly startedAt: number
}

/** The current request; outside of one its id is null. */
export class CurrentRequest extends Context.Reference<RequestInformation | null>("causeway/domain/CurrentRequest", {
  defaultValue: () => null
}) {}
