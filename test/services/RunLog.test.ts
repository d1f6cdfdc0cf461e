import { Context, Effect, Fiber, Layer, Option, Schedule, Stream } from "effect"
import * as fc from "fast-check"
import { assert } from "vitest"
import * as MemoryDoorbell from "../../src/cache/MemoryDoorbell.ts"
import { type InstanceId, type Lease, Sequence } from "../../src/domain/Run.ts"
import type { RunEvent } from "../../src/domain/RunEvent.ts"
import { Settings } from "../../src/domain/Settings.ts"
import type { Frame } from "../../src/services/Frame.ts"
import { type LogSubject, RunLog, type RunWriter } from "../../src/services/RunLog.ts"
import { RunEventRepository } from "../../src/storage/RunEventRepository.ts"
import type { RunEnd } from "../../src/storage/RunEnd.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import { settings } from "../http/Fakes.ts"
import { SessionRepository } from "../../src/storage/SessionRepository.ts"
import { type Stored, onServerDatabase } from "../storage/Databases.ts"
import { completed, existing, instance, newSession, newTenant, started } from "../storage/Fixtures.ts"

const seed = Number(process.env["LOG_SEED"] ?? Date.now() % 2 ** 31)
const rounds = Number(process.env["LOG_HISTORIES"] ?? 25)

type Place = 0 | 1

/** What may happen to a session's log, in any order. What does not fit the moment is passed over. */
type Step =
  | { readonly _tag: "Begin"; readonly place: Place }
  | { readonly _tag: "Append"; readonly events: number }
  | { readonly _tag: "Finish" }
  /** The owner is silent for so long that the other takes the run over, and that one too; they do not know yet. */
  | { readonly _tag: "TakeOver"; readonly times: number }
  /** Owners that lost their run go on writing. */
  | { readonly _tag: "Zombies"; readonly events: number }
  /** A reader of the run or of the session, from somewhere in what there is. */
  | { readonly _tag: "Read"; readonly place: Place; readonly from: number; readonly whole: boolean }
  | { readonly _tag: "Wait"; readonly millis: number }

const place = fc.constantFrom<Place>(0, 1)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant("Begin"), place }) },
  { weight: 6, arbitrary: fc.record({ _tag: fc.constant("Append"), events: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Finish") }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("TakeOver"), times: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Zombies"), events: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      _tag: fc.constant("Read"),
      place,
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      whole: fc.boolean()
    })
  },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Wait"), millis: fc.nat({ max: 15 }) }) }
)

const histories = fc.array(step, { minLength: 5, maxLength: 40 })
const mostlyFalse = fc.nat({ max: 4 }).map((number) => number === 0)

const message = (text: string): RunEvent => ({ event: "status", data: { status: text, message: null } })

const doneOf = ({ run_id, session_id }: LogSubject): RunEvent => ({
  event: "done",
  data: { session_id, run_id, reason: "completed" }
})

const lost: RunEnd = { ...completed, status: "lost", session_status: "error", total_cost_usd: null, cost_unknown: true }

interface Live {
  readonly subject: LogSubject
  readonly lease: Lease
  readonly writer: RunWriter
  readonly place: Place
}

interface Reading {
  readonly run: LogSubject["run_id"] | null
  readonly after: number
  readonly fiber: Fiber.Fiber<ReadonlyArray<Frame>>
}

const otherThan = (one: Place): Place => (one === 0 ? 1 : 0)

const names = [instance("one"), instance("two")] as const

/** The logs of two instances on one database, which hear each other's rings or, as with Redis away, do not. */
const twoLogs = Effect.fnUntraced(function* (deaf: boolean) {
  const common = yield* Layer.build(MemoryDoorbell.layer)
  const logOf = (instanceId: InstanceId) =>
    Effect.map(
      Layer.build(
        Layer.fresh(RunLog.layer).pipe(
          Layer.provide(Layer.succeed(Settings, { ...settings, instanceId })),
          Layer.provide(deaf ? Layer.fresh(MemoryDoorbell.layer) : Layer.succeedContext(common))
        )
      ),
      (context) => Context.get(context, RunLog)
    )
  return [yield* logOf(names[0]), yield* logOf(names[1])] as const
})

/** Lives through a history, then ends what is still open, and gives what was kept and what readers saw. */
const live = Effect.fnUntraced(function* (history: ReadonlyArray<Step>, deaf: boolean) {
  const scope = yield* Effect.scope
  const logs = yield* twoLogs(deaf)
  const runs = yield* RunRepository
  const events = yield* RunEventRepository
  const sessions = yield* SessionRepository
  const tenant = yield* newTenant
  const placeOfRun = newSession()
  const { session_id } = placeOfRun
  if (placeOfRun._tag !== "New") return assert.fail("a new session")
  const readings: Array<Reading> = []
  const zombies: Array<Live> = []
  const expected: Array<string> = []
  let begun = false
  let holder: Live | null = null
  let count = 0

  const say = (writer: RunWriter, text: string) => Effect.ignore(writer.append(message(text)))

  const begin = Effect.fnUntraced(function* (at: Place) {
    const { lease, run } = yield* started(tenant, begun ? existing(session_id) : placeOfRun, {
      owner: names[at],
      lease_ms: 1
    })
    begun = true
    const subject = { tenant_id: tenant, session_id, run_id: run.id }
    return { subject, lease, place: at, writer: logs[at].open(subject, lease, run.start_seq) }
  })

  const end = Effect.fnUntraced(function* ({ place: at, subject, writer }: Live, how: RunEnd) {
    yield* writer.finish([doneOf(subject)], how)
    expected.push("done")
    yield* logs[at].close(subject)
  })

  /** As the sweeper does it: the next fence, then the last number that is stored. */
  const takeOver = Effect.fnUntraced(function* (dead: Live) {
    const at = otherThan(dead.place)
    const find = Effect.map(runs.expired, (all) =>
      Option.fromUndefinedOr(all.find(({ lease }) => lease.run_id === dead.subject.run_id))
    )
    const expired = yield* find.pipe(
      Effect.flatMap(Effect.fromOption),
      Effect.retry(Schedule.spaced("2 millis")),
      Effect.orDie
    )
    const taken = yield* runs.takeOver(expired, names[at], 1)
    if (Option.isNone(taken)) return yield* Effect.die("an expired run cannot be taken over")
    // It has been found out by then, or it would not take part in the sweep.
    for (const { place: was, subject } of zombies.filter(({ place: was }) => was === at)) {
      yield* logs[was].close(subject)
    }
    const kept = taken.value.run.last_seq
    // What was not stored when the fence moved was never shown, and never will be.
    expected.length = kept
    zombies.push(dead)
    const writer = logs[at].open(dead.subject, taken.value.lease, kept)
    return { subject: dead.subject, lease: taken.value.lease, place: at, writer }
  })

  for (const happening of history) {
    switch (happening._tag) {
      case "Begin":
        holder ??= yield* begin(happening.place)
        break
      case "Append":
        if (holder === null) break
        for (let sent = 0; sent < happening.events; sent++) {
          const text = `event ${++count}`
          expected.push(text)
          yield* say(holder.writer, text)
        }
        break
      case "Finish":
        if (holder !== null) yield* end(holder, completed)
        holder = null
        break
      case "TakeOver":
        for (let taken = 0; holder !== null && taken < happening.times; taken++) holder = yield* takeOver(holder)
        break
      case "Zombies":
        for (const { writer } of zombies) {
          for (let sent = 0; sent < happening.events; sent++) yield* say(writer, "of a dead owner")
        }
        break
      case "Read": {
        if (!begun) break
        const run = happening.whole ? null : (holder?.subject.run_id ?? null)
        const subject = { tenant_id: tenant, session_id, run_id: run }
        const reach = yield* Effect.map(sessions.reach(tenant, session_id), Option.getOrThrow)
        const after = Math.floor(happening.from * reach.last_seq)
        const fiber = yield* logs[happening.place]
          .follow(subject, Sequence.make(after))
          .pipe(Stream.runCollect, Effect.forkIn(scope))
        readings.push({ run, after, fiber })
        break
      }
      case "Wait":
        yield* Effect.sleep(happening.millis)
    }
  }
  if (holder !== null) yield* end(holder, lost)
  for (const { place: was, subject } of zombies) yield* logs[was].close(subject)
  const seen = yield* Effect.forEach(readings, ({ fiber }) => Fiber.join(fiber), { concurrency: "unbounded" })
  const stored = begun ? yield* events.read(tenant, session_id, { after: Sequence.make(0), limit: 100_000 }) : []
  return { stored, expected, readings, seen }
})

const check = ({ expected, readings, seen, stored }: Effect.Success<ReturnType<typeof live>>) => {
  assert.deepEqual(
    stored.map(({ seq }) => Number(seq)),
    stored.map((_, index) => index + 1)
  )
  assert.deepEqual(
    stored.map(({ data, event }) => (event === "done" ? "done" : JSON.parse(data).status)),
    expected
  )
  for (const [index, { after, run }] of readings.entries()) {
    const frames = seen[index] ?? []
    const kept = stored.filter(({ run_id, seq }) => seq > after && (run === null || run_id === run))
    // A reader of a session is let go between two runs.
    const wanted = run === null ? kept.slice(0, frames.length) : kept
    assert.deepEqual(
      frames.map(({ data, seq }) => [seq, data]),
      wanted.map(({ data, seq }) => [seq, data])
    )
    if (frames.length < kept.length) assert.strictEqual(frames.at(-1)?.event ?? "done", "done")
  }
}

onServerDatabase("the log of two instances", (it) => {
  it.effect(
    "is gapless, has nothing of an owner that lost its run, and every reader sees just what is kept",
    () =>
      Effect.gen(function* () {
        yield* Effect.log(`log: ${rounds} histories, LOG_SEED=${seed}`)
        const services = yield* Effect.context<Stored>()
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(histories, mostlyFalse, async (history, deaf) => {
              const lived = live(history, deaf).pipe(
                Effect.scoped,
                Effect.provideContext(services),
                Effect.timeout("20 seconds")
              )
              check(await Effect.runPromise(lived))
            }),
            { seed, numRuns: rounds, endOnFailure: true }
          )
        )
      }),
    120_000
  )
})
