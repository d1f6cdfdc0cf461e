import { untilNoAgents } from "../service/AgentProcesses.ts"
import type { EventReader } from "../service/EventReader.ts"
import { eventually, until } from "../service/Polling.ts"
import { operatorKey } from "../service/Service.ts"
import { startSingle, startStreamed } from "./LiveRuns.ts"
import type { Row } from "./Matrix.ts"
import { countedBetween, failureCounts, type Seen } from "./Observations.ts"
import type { DatabaseRow } from "./Outside.ts"
import {
  countRows,
  isStored,
  type Occasion,
  type RequestOperation,
  requestOperations,
  type RowCounts,
  send
} from "./Requests.ts"
import type { Stage } from "./Stage.ts"

/** How a part is made to fail, and to work again. */
export interface Provocation {
  /** Whether the statements of all operations are under way when it happens. */
  readonly inFlight: boolean
  /** Whether it is over while the runs that were under way still go on. */
  readonly passing: boolean
  readonly provoke: (stage: Stage) => Promise<void>
  readonly mend: (stage: Stage) => Promise<void>
}

/** A run that was under way during the fault. */
export interface RunSeen {
  readonly requestId: string
  readonly sessionId: string
  /** From the fault to its end. */
  readonly millis: number
  /** Its rows, once the part is back and nothing changes any more. */
  readonly run: DatabaseRow
  readonly session: DatabaseRow
  /** The names of its stored events; their numbers have been found to be gapless. */
  readonly stored: ReadonlyArray<string>
}

/** Everything that was seen of one fault. */
export interface FaultSeen {
  readonly stage: Stage
  readonly during: Occasion
  readonly answers: ReadonlyMap<RequestOperation, Seen>
  readonly storedDuring: ReadonlyMap<RequestOperation, boolean>
  readonly streamed: RunSeen & { readonly stream: EventReader }
  readonly single: RunSeen & Omit<Seen, "millis">
  /** Failures that were counted from just before the fault until its last answer. */
  readonly counted: Readonly<Record<string, number>>
  /** Failures that were counted while the part came back. */
  readonly countedLater: Readonly<Record<string, number>>
  readonly rowsBefore: RowCounts
  readonly rowsAfter: RowCounts
  /** The same operations, and runs, on the same service, after the part was mended. */
  readonly recovered: ReadonlyMap<RequestOperation, Seen>
  readonly countedAtLast: Readonly<Record<string, number>>
  /** The service's exit code when it was told to stop. */
  readonly exit: number | null
}

const gapless = (numbers: ReadonlyArray<number>): boolean => numbers.every((number, index) => number === index + 1)

/** What is stored of a run, once it has ended. */
const storedRun = async ({ outside }: Stage, sessionId: string) => {
  const [run = {}] = await eventually(
    `the end of the run of ${sessionId}`,
    async () => {
      const rows = await outside.rows("SELECT * FROM runs WHERE session_id = $1 AND ended_at IS NOT NULL", [sessionId])
      return rows.length > 0 ? rows : undefined
    },
    20_000
  )
  const [session = {}] = await outside.rows("SELECT * FROM sessions WHERE id = $1", [sessionId])
  const events = await outside.rows("SELECT seq::int, event FROM run_events WHERE session_id = $1 ORDER BY seq", [
    sessionId
  ])
  if (!gapless(events.map(({ seq }) => Number(seq)))) throw new Error(`${sessionId} has a gap in its events`)
  return { run, session, stored: events.map(({ event }) => String(event)) }
}

const sendAll = async (names: ReadonlyArray<RequestOperation>, stage: Stage, occasion: Occasion) =>
  new Map(await Promise.all(names.map(async (name) => [name, await send(name, stage, occasion)] as const)))

/** All operations once more, and a run that is interrupted, while nothing fails. */
const recover = async (stage: Stage, names: ReadonlyArray<RequestOperation>) => {
  const held = await startStreamed(stage, "held again", 400)
  const seen = await sendAll(names, stage, { name: "again", live: held.stream.sessionId })
  await held.stream.finished()
  return seen
}

/** Waits until the service has all that it needs: loading the SDK holds it up for as long as it may wait for Redis. */
const untilReady = ({ service }: Stage): Promise<void> =>
  until("the service is ready", async () => {
    const { status } = await service.request("GET", "/health/ready", { key: null })
    return status === 200
  })

/** Waits until what the database still had to do for requests that were given up is over. */
const untilQuiet = async ({ outside }: Stage): Promise<void> =>
  until("no statement waits", async () => (await outside.waiting()) === 0)

/**
 * One fault from beginning to end: a service with a run in the middle of its events, another at its very end, and all
 * other operations at once; then the part is mended, and the same service must do all of it as if nothing had been.
 */
export const runFault = async (stage: Stage, row: Row, provocation: Provocation): Promise<FaultSeen> => {
  const { outside, service, template } = stage
  const names = requestOperations.filter((name) => row[name] !== undefined)
  const failing = row["mid-stream"]?.seen === "unsaved"
  const interruptsOther = row.interrupt?.seen === "success"
  await untilReady(stage)

  const [streamed, single, other] = await Promise.all([
    startStreamed(stage, "mid stream", failing ? 400 : 30),
    startSingle(stage, "end of run"),
    interruptsOther ? startStreamed(stage, "to be interrupted", 400) : undefined
  ])
  const during: Occasion = { name: "during", live: (other ?? streamed).stream.sessionId }

  // The keys are known before the fault, all but the stranger's.
  for (const key of [template.worker, operatorKey]) await service.request("GET", "/api/v1/sessions", { key })
  const rowsBefore = await countRows(outside)
  const before = await failureCounts(service)

  // The statement that ends the run is under way, and waits; so do, behind a lock that waits itself, all others.
  await outside.lock(`SELECT FROM sessions WHERE id = '${single.sessionId}' FOR NO KEY UPDATE`)
  single.go()
  await until("the end of the run is being written", async () => (await outside.waiting()) === 1)
  if (provocation.inFlight) await outside.queueLock(["tenants", "api_keys", "sessions"])
  const early = provocation.inFlight ? sendAll(names, stage, during) : undefined
  if (early !== undefined) {
    await until("all statements are under way", async () => (await outside.waiting()) === names.length + 1, 4000)
  }

  const provoked = performance.now()
  await provocation.provoke(stage)
  streamed.go()
  const sent = early ?? sendAll(names, stage, during)
  const over = async () => {
    await streamed.stream.finished()
    return performance.now() - provoked
  }
  if (provocation.passing) {
    await sent
    await provocation.mend(stage)
  }
  const [answers, streamMillis, singleAnswer] = await Promise.all([sent, over(), single.answer])
  other?.go()
  await other?.stream.finished()
  await untilNoAgents(service.dataDir, 5000)
  const counted = countedBetween(before, await failureCounts(service))
  if (!provocation.passing) await provocation.mend(stage)
  await untilQuiet(stage)

  const afterStreamed = await storedRun(stage, streamed.stream.sessionId)
  const afterSingle = await storedRun(stage, single.sessionId)
  const rowsAfter = await countRows(outside)
  const storedDuring = new Map<RequestOperation, boolean>()
  for (const name of names) storedDuring.set(name, await isStored(name, stage, during))
  const later = await failureCounts(service)
  const recovered = await recover(
    stage,
    names.filter((name) => name !== "delete" || storedDuring.get(name) === false)
  )
  const countedAtLast = countedBetween(later, await failureCounts(service))
  const exit = await service.stop()
  return {
    stage,
    during,
    answers,
    storedDuring,
    streamed: {
      ...afterStreamed,
      requestId: streamed.requestId,
      sessionId: streamed.stream.sessionId,
      millis: streamMillis,
      stream: streamed.stream
    },
    single: {
      ...afterSingle,
      requestId: single.requestId,
      sessionId: single.sessionId,
      millis: singleAnswer.arrived - provoked,
      status: singleAnswer.status,
      headers: singleAnswer.headers,
      text: singleAnswer.text,
      body: singleAnswer.body
    },
    counted,
    countedLater: countedBetween(sumUp(before, counted), later),
    rowsBefore,
    rowsAfter,
    recovered,
    countedAtLast,
    exit
  }
}

const sumUp = (before: Readonly<Record<string, number>>, counted: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(before).map(([name, count]) => [name, count + (counted[name] ?? 0)]))
