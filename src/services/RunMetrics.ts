import { Effect, Metric } from "effect"
import { FinalRunStatus, type RunStatus } from "../domain/Run.ts"

const live = Metric.gauge("runs", { description: "Live runs of this instance, by status" })

const oldest = Metric.gauge("run_oldest_seconds", {
  description: "Age of this instance's oldest live run; 0 without one"
})

const timeLimit = Metric.gauge("run_time_limit_seconds", {
  description: "RUN_TIMEOUT: no run should be older for long"
})

const unowned = Metric.gauge("runs_unowned", {
  description: "Runs in the database whose lease has run out and that nobody has ended yet"
})

const ended = Metric.counter("runs_ended_total", {
  description: "Runs whose end this instance stored, by their final status",
  incremental: true
})

const resumed = Metric.counter("runs_resumed_total", {
  description: "Runs that this instance went on with after another one, or itself before",
  incremental: true
})

const firstTokens = Metric.histogram("run_first_token_seconds", {
  description: "Time from a request's arrival to the first message or partial message of its agent",
  boundaries: [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60]
})

const liveStatuses = ["queued", "running", "waiting"] as const satisfies ReadonlyArray<RunStatus>

/** A run as the gauges see it; `since` is a `performance.now()`. */
interface LiveRun {
  readonly since: number
}

const gaugeHooks = (read: () => number) => ({
  get: () => ({ value: read() }),
  update: () => {},
  modify: () => {}
})

/** Makes the metrics of runs exist before there is one; the live ones are read, oldest first, when somebody asks. */
export const registerRunMetrics = Effect.fnUntraced(function* (running: () => Iterable<LiveRun>, limitMillis: number) {
  const context = yield* Effect.context<never>()
  const register = (gauge: Metric.Gauge<number>, read: () => number) =>
    Metric.registerUnsafe(gauge, context, gaugeHooks(read))
  for (const status of liveStatuses) {
    const gauge = Metric.withAttributes(live, { status })
    register(gauge, status === "running" ? () => [...running()].length : () => 0)
  }
  register(oldest, () => {
    for (const { since } of running()) return (performance.now() - since) / 1000
    return 0
  })
  register(timeLimit, () => limitMillis / 1000)
  yield* Metric.value(unowned)
  yield* Effect.forEach(FinalRunStatus.literals, (status) => Metric.value(Metric.withAttributes(ended, { status })))
  yield* Metric.value(resumed)
  yield* Metric.value(firstTokens)
})

/** Counts a run whose end is stored. */
export const countEnded = (status: FinalRunStatus): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(ended, { status }), 1)

/** Counts a run that goes on here. */
export const countResumed: Effect.Effect<void> = Metric.update(resumed, 1)

/** Measures the way from a request's arrival, by `performance.now()`, to what its agent says first. */
export const measureFirstToken = (since: number): Effect.Effect<void> =>
  Effect.suspend(() => Metric.update(firstTokens, (performance.now() - since) / 1000))

/** Says how many runs are found without an owner. */
export const noteUnowned = (count: number): Effect.Effect<void> => Metric.update(unowned, count)
