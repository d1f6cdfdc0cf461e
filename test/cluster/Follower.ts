import { setTimeout as sleep } from "node:timers/promises"
import { EventReader, type Frame } from "../service/EventReader.ts"
import { at, textAt } from "../service/Json.ts"
import { eventually } from "../service/Polling.ts"
import type { Requester } from "../service/Service.ts"

/** What a follower saw. */
export interface Followed {
  readonly run: string
  readonly session: string
  readonly events: ReadonlyArray<Frame>
  /** When the last event came, by `performance.now()`. */
  readonly overAt: number
}

/** How a run is asked for and read. */
export interface FollowOptions {
  /** The instance for each try: the first is asked to start the run, the others are where it is taken up again. */
  readonly place: (attempt: number) => Requester
  readonly body: unknown
  readonly idempotencyKey: string
  /** Hangs up by itself after so many events of each connection. */
  readonly hangUpAfter?: number
}

/** Somebody is expected to give an answer within this time, in milliseconds. */
const patience = 60_000

// A connection that is refused, an instance that stops, or a balancer whose instance has died (its 502 is a page, not
// one of ours): the client tries again, as any client would.
const tryTo = async (connect: () => Promise<EventReader>): Promise<EventReader | undefined> => {
  try {
    return await connect()
  } catch (cause) {
    if (/No stream but (?!502: <|503|429)/.test(String(cause))) throw cause
    return undefined
  }
}

const takeFrom = async (reader: EventReader, most: number): Promise<void> => {
  await eventually(
    "enough events, or the end",
    () => (reader.events.length >= most || reader.end !== undefined ? true : undefined),
    patience
  )
  reader.close()
}

const runOf = (events: ReadonlyArray<Frame>): string | undefined => {
  const found = events.map(({ data }) => at(data, "run_id")).find((id) => typeof id === "string")
  return found === undefined ? undefined : String(found)
}

/**
 * Asks for a run and follows it to `done` as a careful client does: the request is repeated with its
 * Idempotency-Key until the run's id is known, then the stream is taken up after the last event that came.
 */
export const followRun = async ({ body, hangUpAfter, idempotencyKey, place }: FollowOptions): Promise<Followed> => {
  const events: Array<Frame> = []
  const deadline = performance.now() + patience
  for (let attempt = 0; performance.now() < deadline; attempt++) {
    const last = events.at(-1)?.id
    const run = runOf(events)
    if (run === undefined) events.length = 0
    const service = place(attempt)
    const reader = await tryTo(() =>
      run === undefined
        ? service.stream("POST", "/api/v1/query", { body, headers: { "idempotency-key": idempotencyKey } })
        : service.stream("GET", `/api/v1/runs/${run}/events`, { headers: { "last-event-id": String(last) } })
    )
    if (reader === undefined) {
      await sleep(50)
      continue
    }
    await takeFrom(reader, hangUpAfter ?? Number.POSITIVE_INFINITY)
    events.push(...reader.events.slice(0, hangUpAfter))
    const final = events.at(-1)
    if (final?.event === "done") {
      const { data } = final
      return { run: textAt(data, "run_id"), session: textAt(data, "session_id"), events, overAt: performance.now() }
    }
  }
  throw new Error(`No end within ${patience} ms: ${events.map(({ event }) => event).join()}`)
}
