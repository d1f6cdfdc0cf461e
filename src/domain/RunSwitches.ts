import { Schema } from "effect"

/** What becomes of a run that nobody reads: it is interrupted after DISCONNECT_GRACE, or it goes on. */
export const OnDisconnect = Schema.Literals(["cancel", "continue"])
export type OnDisconnect = typeof OnDisconnect.Type

/**
 * What becomes of a request whose session has a live run: 409, or its run waits for its turn, or the live run and those
 * that wait are interrupted first.
 */
export const OnBusy = Schema.Literals(["reject", "queue", "interrupt"])
export type OnBusy = typeof OnBusy.Type

/** What becomes of a run whose instance dies: it ends as lost, or another instance goes on with it. */
export const OnCrash = Schema.Literals(["end", "resume"])
export type OnCrash = typeof OnCrash.Type

/** The fields of a request that say how its run is carried, not what its agent does. They are named as on the wire. */
export const runSwitchFields = {
  /** Answers 202 with the run as soon as it is stored; readers attach later. */
  background: Schema.optionalKey(Schema.Boolean),
  /** `continue` needs `background` or an Idempotency-Key, and is then the default; otherwise `cancel` is. */
  on_disconnect: Schema.optionalKey(OnDisconnect),
  /** `reject` unless given. */
  on_busy: Schema.optionalKey(OnBusy),
  /** `end` unless given. */
  on_crash: Schema.optionalKey(OnCrash)
} as const

/** How a request wants its run to be carried. */
export const RunSwitches = Schema.Struct(runSwitchFields)
export type RunSwitches = typeof RunSwitches.Type
