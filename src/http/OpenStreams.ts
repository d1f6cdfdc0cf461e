import { Clock, Context, type Duration, Effect, Layer, Metric, Schedule, type Scope } from "effect"
import { TooManyStreams } from "../domain/errors/RequestErrors.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { CurrentRecord, type RequestRecord } from "./RequestRecord.ts"

const streams = Metric.gauge("http_open_streams", { description: "Event streams and WebSockets that are open" })

const stalled = Metric.counter("http_stalled_streams_total", {
  description: "Event streams and WebSockets that were cut because their reader took nothing",
  incremental: true
})

/** What is needed of a reader's connection. */
export interface Outlet {
  /** Whether something is written that the reader has yet to take. */
  readonly isBehind: () => boolean
  /** Bytes that it has taken so far. */
  readonly taken: () => number
  /** Writes something that means nothing, if that can be done now. */
  readonly keepAlive: () => void
  readonly destroy: () => void
}

interface OpenStream {
  readonly outlet: Outlet
  readonly record: RequestRecord
  /** When its connection was last seen to take something, and how many bytes it had taken by then. */
  since: number
  taken: number
}

/** How open streams are looked after. */
export interface StreamCare {
  /** Between two signs of life. */
  readonly keepAlive: Duration.Input
  /** Milliseconds for which a reader may take nothing while there is something to take. */
  readonly stallTimeout: number
  /** Most streams of one tenant at once. */
  readonly maxPerTenant: number
}

/** What a client that was turned away should wait, in seconds. */
const roomRetry = 5

/**
 * The event streams that are open. One timer writes the signs of life of all of them, and one finds
 * those whose readers have stalled: a timer and a fiber per stream would be most of what an idle stream costs.
 */
export class OpenStreams extends Context.Service<
  OpenStreams,
  {
    /** Takes a place for a stream of a tenant's until the scope ends: before anything is begun that is to be read. */
    enter(tenant: TenantId): Effect.Effect<void, TooManyStreams, Scope.Scope>
    /** Looks after a connection of the current request until the scope ends. */
    add(outlet: Outlet): Effect.Effect<void, never, Scope.Scope>
  }
>()("causeway/http/OpenStreams") {
  static readonly layer = (care: StreamCare): Layer.Layer<OpenStreams> =>
    Layer.effect(
      OpenStreams,
      Effect.gen(function* () {
        const open = new Set<OpenStream>()
        const places = new Map<TenantId, number>()
        const placesOf = (tenant: TenantId) => places.get(tenant) ?? 0
        const count = Effect.suspend(() => Metric.update(streams, open.size))
        yield* count
        yield* Metric.value(stalled)

        // An event is always written whole, so that this falls between two of them. A reader
        // that is behind needs none.
        const writeAll = Effect.sync(() => {
          for (const { outlet } of open) if (!outlet.isBehind()) outlet.keepAlive()
        })
        yield* Effect.forkScoped(Effect.schedule(writeAll, Schedule.spaced(care.keepAlive)))

        // The log keeps what a reader did not take, so it loses nothing but its connection.
        const drop = Effect.fnUntraced(function* ({ outlet, record }: OpenStream) {
          outlet.destroy()
          yield* Metric.update(stalled, 1)
          yield* Effect.logWarning("A stream was cut: its reader takes nothing").pipe(
            Effect.annotateLogs({ ...record.logAnnotations, ...record.known })
          )
        })
        const dropStalled = Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          for (const stream of open) {
            const taken = stream.outlet.taken()
            if (!stream.outlet.isBehind() || taken !== stream.taken) {
              stream.since = now
              stream.taken = taken
            } else if (now - stream.since >= care.stallTimeout) {
              open.delete(stream)
              yield* drop(stream)
            }
          }
        })
        yield* Effect.forkScoped(Effect.schedule(dropStalled, Schedule.spaced(Math.min(care.stallTimeout / 4, 5000))))

        return {
          enter: Effect.fnUntraced(function* (tenant) {
            if (placesOf(tenant) >= care.maxPerTenant) {
              return yield* new TooManyStreams({ limit: care.maxPerTenant, retry_after_seconds: roomRetry })
            }
            yield* Effect.acquireRelease(
              Effect.sync(() => places.set(tenant, placesOf(tenant) + 1)),
              () =>
                Effect.sync(() => {
                  const left = placesOf(tenant) - 1
                  if (left === 0) places.delete(tenant)
                  else places.set(tenant, left)
                })
            )
          }),
          add: Effect.fnUntraced(function* (outlet) {
            const stream: OpenStream = {
              outlet,
              record: yield* CurrentRecord,
              since: yield* Clock.currentTimeMillis,
              taken: 0
            }
            yield* Effect.acquireRelease(
              Effect.andThen(
                Effect.sync(() => open.add(stream)),
                count
              ),
              () =>
                Effect.andThen(
                  Effect.sync(() => open.delete(stream)),
                  count
                )
            )
          })
        }
      })
    )
}
