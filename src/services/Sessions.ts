import { Context, Duration, Effect, Layer, Option, Schema } from "effect"
import { Cache } from "../cache/Cache.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { ProjectNotFound } from "../domain/errors/ResourceErrors.ts"
import { SessionBusy, SessionNotFound, SessionRetrievalFailed } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { ProjectId } from "../domain/Project.ts"
import { RunId, Sequence } from "../domain/Run.ts"
import { MessageData } from "../domain/RunEvent.ts"
import { Session, type SessionId } from "../domain/Session.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { RunEventRepository, type StoredRecord } from "../storage/RunEventRepository.ts"
import { type SessionFilter, type SessionPatch, SessionRepository } from "../storage/SessionRepository.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { makeReadThrough } from "./ReadThrough.ts"

/** How long a session is known without asking the database; every change forgets it at once. */
const sessionLife = Duration.seconds(30)

const sessionKey = (tenant: TenantId, id: SessionId) => `session:${tenant}:${id}`

// Of all events only those of no message belong to no run.
const decodeRun = Schema.decodeUnknownEffect(RunId)
const decodeMessage = Schema.decodeUnknownEffect(Schema.fromJsonString(MessageData))

/** A message of a session's history. */
export interface StoredMessage {
  readonly session_id: SessionId
  readonly run_id: RunId
  readonly seq: Sequence
  readonly message: typeof MessageData.Type
}

/** Where a page of messages begins: after this event. */
export interface MessagePosition {
  readonly session_id: SessionId
  readonly seq: Sequence
}

/** A part of a session's history, oldest first. */
export interface MessagePage {
  readonly messages: ReadonlyArray<StoredMessage>
  readonly next: MessagePosition | null
}

/** Sessions of a tenant. Another tenant's do not exist for it. */
export class Sessions extends Context.Service<
  Sessions,
  {
    get(principal: Principal, id: SessionId): Effect.Effect<Session, SessionNotFound | ReadFailure>
    list(
      principal: Principal,
      filter: SessionFilter,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Session>, ReadFailure>
    update(
      principal: Principal,
      id: SessionId,
      patch: SessionPatch
    ): Effect.Effect<Session, SessionNotFound | DatabaseFailure>
    /** Puts it into a project of the tenant, as a session of mode `code`. It stays in the directory that it has. */
    promote(
      principal: Principal,
      id: SessionId,
      project_id: ProjectId
    ): Effect.Effect<Session, SessionNotFound | ProjectNotFound | DatabaseFailure>
    delete(principal: Principal, id: SessionId): Effect.Effect<void, SessionNotFound | SessionBusy | DatabaseFailure>
    /** Has readers see a session anew; to be called before it is changed elsewhere. */
    touch(tenant: TenantId, id: SessionId): Effect.Effect<void>
    /** The messages of the session; a fork's begin with those of the session that it left, up to there. */
    messages(
      principal: Principal,
      id: SessionId,
      position: MessagePosition | null,
      size: number
    ): Effect.Effect<MessagePage, SessionNotFound | ReadFailure>
  }
>()("causeway/services/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const repository = yield* SessionRepository
      const events = yield* RunEventRepository
      const cached = makeReadThrough(yield* Cache, Session, sessionLife)

      const forget = (tenant_id: TenantId, id: SessionId) =>
        cached.invalidate(sessionKey(tenant_id, id), { session_id: id, tenant_id })

      const get = Effect.fn("Sessions.get")(function* (principal: Principal, id: SessionId) {
        const { tenant_id } = principal
        const subject = { session_id: id, tenant_id }
        const found = yield* cached.get(sessionKey(tenant_id, id), subject, asRead(repository.find(tenant_id, id)))
        if (Option.isNone(found)) return yield* new SessionNotFound({ session_id: id })
        return found.value
      })

      const update = Effect.fn("Sessions.update")(function* (principal: Principal, id: SessionId, patch: SessionPatch) {
        const changed = yield* repository.update(principal.tenant_id, id, patch)
        if (Option.isNone(changed)) return yield* new SessionNotFound({ session_id: id })
        yield* forget(principal.tenant_id, id)
        return changed.value
      })

      const promote = Effect.fn("Sessions.promote")(function* (
        principal: Principal,
        id: SessionId,
        project_id: ProjectId
      ) {
        const promoted = yield* repository.promote(principal.tenant_id, id, project_id)
        if (Option.isNone(promoted)) {
          const found = yield* repository.find(principal.tenant_id, id)
          return yield* Option.isNone(found)
            ? new SessionNotFound({ session_id: id })
            : new ProjectNotFound({ project_id })
        }
        yield* forget(principal.tenant_id, id)
        return promoted.value
      })

      const remove = Effect.fn("Sessions.delete")(function* (principal: Principal, id: SessionId) {
        const deletion = yield* repository.delete(principal.tenant_id, id)
        if (deletion._tag === "Absent") return yield* new SessionNotFound({ session_id: id })
        if (deletion._tag === "Busy") return yield* new SessionBusy({ session_id: id, run_id: deletion.run_id })
        yield* forget(principal.tenant_id, id)
      })

      const toMessage = ({ data, run_id, seq, session_id }: StoredRecord) =>
        Effect.all([decodeMessage(data), decodeRun(run_id)]).pipe(
          Effect.map(([message, run]): StoredMessage => ({ session_id, run_id: run, seq, message })),
          Effect.mapError((cause) => new SessionRetrievalFailed({ cause }))
        )

      const messages = Effect.fn("Sessions.messages")(function* (
        principal: Principal,
        id: SessionId,
        position: MessagePosition | null,
        size: number
      ) {
        const segments = yield* asRead(repository.history(principal.tenant_id, id))
        if (segments.length === 0) return yield* new SessionNotFound({ session_id: id })
        const first = position === null ? 0 : segments.findIndex(({ session_id }) => session_id === position.session_id)
        const found: Array<StoredRecord> = []
        for (const { session_id, until } of segments.slice(Math.max(first, 0))) {
          if (found.length > size) break
          const after = position?.session_id === session_id ? position.seq : Sequence.make(0)
          const records = yield* asRead(
            events.read(principal.tenant_id, session_id, {
              after,
              limit: size + 1 - found.length,
              events: ["message"],
              conversation: true,
              ...(until === null ? {} : { until })
            })
          )
          found.push(...records)
        }
        const page = yield* Effect.forEach(found.slice(0, size), toMessage)
        const last = page.at(-1)
        return {
          messages: page,
          next: found.length > size && last !== undefined ? { session_id: last.session_id, seq: last.seq } : null
        }
      })

      return Sessions.of({
        get,
        update,
        promote,
        delete: remove,
        touch: forget,
        messages,
        list: Effect.fn("Sessions.list")((principal, filter, position, size) =>
          asRead(repository.list(principal.tenant_id, filter, position, size))
        )
      })
    })
  )
}
