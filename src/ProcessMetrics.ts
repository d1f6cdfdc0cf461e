import { Effect, Layer, Metric, Schedule } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"

const delay = Metric.gauge("event_loop_delay_seconds", {
  description: "How late timers were in the last ten seconds: half of them at most so late, 99 %, the latest"
})

const residentMemory = Metric.gauge("process_resident_memory_bytes", { description: "Memory of the service's process" })

/** How often the timer looks, in milliseconds; what it measures includes that. */
const resolution = 20

/** How long a measurement lasts. */
const period = "10 seconds"

const statistics = { p50: 50, p99: 99, max: 100 } as const

/** Measures this process: its memory when somebody asks, and how late its timers are, which is how long it was busy. */
export const layer: Layer.Layer<never> = Layer.effectDiscard(
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    Metric.registerUnsafe(residentMemory, context, {
      get: () => ({ value: process.memoryUsage.rss() }),
      update: () => {},
      modify: () => {}
    })

    const histogram = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const histogram = monitorEventLoopDelay({ resolution })
        histogram.enable()
        return histogram
      }),
      (histogram) => Effect.sync(() => histogram.disable())
    )
    const gauges = Object.entries(statistics).map(([stat, percent]) => ({
      gauge: Metric.withAttributes(delay, { stat }),
      read: () => (histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(percent) / 1e9 - resolution / 1000))
    }))
    for (const { gauge } of gauges) yield* Metric.value(gauge)
    yield* Effect.sync(() => {
      for (const { gauge, read } of gauges) gauge.updateUnsafe(read(), context)
      histogram.reset()
    }).pipe(Effect.delay(period), Effect.repeat(Schedule.forever), Effect.forkScoped)
  })
)
