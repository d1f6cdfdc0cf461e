import { Effect, Option, Schedule } from "effect"
import { SecureRandom } from "effect/crypto"
import { Workspaces } from "../agent/Workspaces.ts"
import { Doorbell } from "../cache/Doorbell.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { IdempotencyMismatch, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { ProjectNotFound } from "../domain/errors/ResourceErrors.ts"
import { SessionRewinding } from "../domain/errors/CheckpointErrors.ts"
import {
  QueueFull,
  RunUnresponsive,
  SessionBusy,
  SessionCreateFailed,
  SessionNotFound
} from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import { CurrentRequest } from "../domain/RequestContext.ts"
import { RunId } from "../domain/Run.ts"
import type { RunBeginning, RunOrder } from "../domain/RunOrder.ts"
import { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import type { NewRun, RunPlace, RunStart } from "../storage/NewRun.ts"
import { RunRepository } from "../storage/RunRepository.ts"
import type { Equipped } from "./Equipment.ts"
import { leaseMillis } from "./Leases.ts"
import { Projects } from "./Projects.ts"
import { RunControls } from "./RunControls.ts"
import { queueBell } from "./Executions.ts"
import { RunQueue } from "./RunQueue.ts"
import { RunOrders } from "./RunOrders.ts"
import type { Destination, RunRequest } from "./RunRequest.ts"
import { Sessions } from "./Sessions.ts"

/** How much of a prompt stands in the log, in characters. */
export const previewLength = 100

/** How long a run that stands in another one's way has to end, in milliseconds. */
const busyPatience = 10_000

/** How often it is looked whether it has. */
const busyCheckEvery = 50

/** When a client that found the queue full should come back, in seconds. */
const queueRetry = 10

const beginningOf = (destination: Destination): RunBeginning => {
  switch (destination._tag) {
    case "NewSession":
      return { _tag: "New" }
    case "Session":
      return { _tag: "Resume" }
    case "Fork":
      return { _tag: "Fork", from: destination.of }
  }
}

/** Makes what writes a run down, or finds out why not. Nothing has been promised before this. */
export const makeRunWrite = Effect.gen(function* () {
  const settings = yield* Settings
  const repository = yield* RunRepository
  const sessions = yield* Sessions
  const workspaces = yield* Workspaces
  const projects = yield* Projects
  const controls = yield* RunControls
  const doorbell = yield* Doorbell
  const queue = yield* RunQueue
  const orders = yield* RunOrders
  const random = yield* SecureRandom.SecureRandom

  const placeOf = Effect.fnUntraced(function* (principal: Principal, { destination, options }: RunRequest) {
    if (destination._tag === "Session") {
      if (options.cwd !== undefined) {
        return yield* new ValidationFailed({
          issues: [{ path: "body.cwd", message: "A session keeps the directory that it was made with" }]
        })
      }
      const place: RunPlace = { _tag: "Existing", session_id: destination.id }
      return place
    }
    const session_id = SessionId.make(yield* random.uuidV4())
    if (destination._tag === "Fork") {
      const place: RunPlace = { _tag: "Fork", session_id, parent_session_id: destination.of }
      return place
    }
    const { _tag, ...session } = destination
    const project = session.project_id === null ? undefined : yield* projects.get(principal, session.project_id)
    const cwd = yield* workspaces.choose(principal.tenant_id, session_id, options.cwd, project?.path)
    const place: RunPlace = { _tag: "New", session_id, ...session, cwd }
    return place
  })

  /** Interrupts a run, wherever it is, and those that wait behind it, and waits for its end. */
  const clearAway = Effect.fnUntraced(function* (
    tenant: TenantId,
    { run_id, session_id }: Extract<RunStart, { readonly _tag: "Busy" }>
  ) {
    yield* queue.clear(tenant, session_id)
    const first = yield* repository.find(tenant, run_id)
    if (Option.isSome(first) && first.value.status !== "running") {
      yield* Effect.ignore(queue.cancel(tenant, first.value))
      return
    }
    const ended = repository
      .find(tenant, run_id)
      .pipe(
        Effect.map(Option.exists(({ ended_at }) => ended_at === null)),
        Effect.repeat({ until: (live) => !live, schedule: Schedule.spaced(busyCheckEvery) })
      )
    // It may end by itself, or its instance may be dead: then nobody takes the instruction, and it ends all the same.
    const told = Effect.ignore(controls.interrupt(tenant, run_id))
    yield* Effect.raceFirst(ended, Effect.andThen(told, Effect.never)).pipe(
      Effect.timeoutOrElse({
        duration: busyPatience,
        orElse: () => Effect.fail(new RunUnresponsive({ run_id }))
      })
    )
  })

  /** Stores the run in the place of the one that its session is busy with, if the request says so. */
  const startOver = (run: NewRun, request: RunRequest): Effect.Effect<RunStart, RunUnresponsive | DatabaseFailure> =>
    Effect.flatMap(repository.start(run), (start) =>
      start._tag === "Busy" && request.on_busy === "interrupt"
        ? Effect.andThen(Effect.interruptible(clearAway(run.tenant_id, start)), startOver(run, request))
        : Effect.succeed(start)
    )

  return Effect.fnUntraced(function* (
    principal: Principal,
    { equipment, request }: Equipped,
    additional_directories: ReadonlyArray<string>,
    may_start: boolean
  ) {
    const { tenant_id } = principal
    const place = yield* placeOf(principal, request)
    const requestContext = yield* CurrentRequest
    const run_id = RunId.make(yield* random.uuidV7())
    const { env: _env, hooks: _hooks, ...options } = request.options
    const order: RunOrder = {
      prompt: request.prompt,
      beginning: beginningOf(request.destination),
      model: request.options.model ?? settings.defaultModel,
      options: request.options,
      equipment,
      additional_directories,
      scopes: principal.scopes,
      on_disconnect: request.on_disconnect,
      on_crash: request.on_crash,
      repeatable: request.idempotency !== null
    }
    const run: NewRun = {
      tenant_id,
      run_id,
      place,
      owner: settings.instanceId,
      lease_ms: leaseMillis,
      model: order.model,
      options,
      order: yield* orders.seal(tenant_id, run_id, order),
      on_disconnect: order.on_disconnect,
      on_crash: order.on_crash,
      may_start,
      queue:
        request.on_busy === "queue"
          ? { session: settings.maxQueuedPerSession, tenant: settings.maxQueuedPerTenant }
          : null,
      prompt_preview: request.prompt.slice(0, previewLength),
      api_key_hash: principal.api_key_hash,
      request_id: requestContext?.requestId ?? "",
      idempotency: request.idempotency
    }
    if (place._tag === "Existing") yield* sessions.touch(tenant_id, place.session_id)
    const start = yield* startOver(run, request).pipe(
      Effect.catchTag("DbRefused", ({ cause }) => new SessionCreateFailed({ session_id: place.session_id, cause }))
    )
    switch (start._tag) {
      case "Mismatch":
        return yield* new IdempotencyMismatch({ idempotency_key: request.idempotency?.key ?? "" })
      case "Absent":
        // A new session finds nothing but its project.
        return yield* place._tag === "New" && place.project_id !== null
          ? new ProjectNotFound({ project_id: place.project_id })
          : new SessionNotFound({ session_id: start.session_id })
      case "BudgetSpent":
        return yield* start.failure
      case "Rewinding":
        return yield* new SessionRewinding({ session_id: start.session_id })
      case "Busy":
        return yield* new SessionBusy({ session_id: start.session_id, run_id: start.run_id })
      case "QueueFull":
        return yield* new QueueFull({
          session_id: start.session_id,
          limit: start.limit,
          retry_after_seconds: queueRetry
        })
      case "Queued":
        yield* doorbell.ring(queueBell)
        return start
      case "Repeated":
        return start
      case "Started":
        return { ...start, tenant_id, order }
    }
  })
})
