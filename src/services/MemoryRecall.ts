import { Cause, Context, Effect, Layer } from "effect"
import { MemoryInjectionFailed, MemoryUnavailable } from "../domain/errors/MemoryErrors.ts"
import type { MemoryScope } from "../domain/Memory.ts"
import type { MemorySettings, RunMemory } from "../domain/MemorySettings.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { type FailureFields, reportDefect, reportFailure } from "./FailureReport.ts"
import { countInjectionError } from "./MemoryMetrics.ts"
import { MemoryPreferences } from "./MemoryPreferences.ts"
import { promptOf, unavailableNotice } from "./MemoryPrompt.ts"
import { makeMemorySearch, type SearchResults } from "./MemorySearch.ts"

/** Longest part of a prompt that memories are looked for with, in characters. */
const longestQuestion = 4000

/** What a run is told of what was remembered. */
export interface Recalled {
  /** Parts of the system prompt. */
  readonly additions: ReadonlyArray<string>
  /** The texts of the memories in them. */
  readonly memories: ReadonlyArray<string>
}

/** A prompt for which something may be remembered. */
export interface RecallRequest {
  readonly tenant: TenantId
  readonly session: SessionId
  readonly prompt: string
  readonly memory: RunMemory
  /** For log lines about the run. */
  readonly fields: FailureFields
}

const nothing: Recalled = { additions: [], memories: [] }
const nothingFound: SearchResults = { found: [], unreadable: 0 }

/** The scope of what a run remembers and learns: all that is open to it, its session's own and what its request names. */
export const scopeOfRun = ({ memory, session }: Pick<RecallRequest, "memory" | "session">): MemoryScope => {
  const { extract: _extract, recall: _recall, ...named } = memory
  return { ...named, session_id: session }
}

/** Recalls for a run what is relevant to its prompt. */
export class MemoryRecall extends Context.Service<
  MemoryRecall,
  {
    /**
     * What the prompt's agent is told, within the time limit. It never fails: where memory cannot be asked, that is
     * what the agent is told.
     */
    recall(request: RecallRequest): Effect.Effect<Recalled>
  }
>()("causeway/services/MemoryRecall") {
  static readonly layer = Layer.effect(
    MemoryRecall,
    Effect.gen(function* () {
      const { memory: limits } = yield* Settings
      const preferences = yield* MemoryPreferences
      const search = yield* makeMemorySearch

      const look = Effect.fnUntraced(function* (request: RecallRequest) {
        const settings = yield* preferences.of(request.tenant, limits.recallTimeout)
        if (!(request.memory.recall ?? settings.recall)) return { results: nothingFound, settings }
        const where = { tenant: request.tenant, match: "open", scope: scopeOfRun(request) } as const
        const results = yield* search(where, request.prompt.slice(0, longestQuestion), settings.recall_limit)
        return { results, settings }
      })

      const unavailable = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>, fields: FailureFields) {
        yield* Cause.hasDies(cause)
          ? reportDefect(cause, fields)
          : reportFailure(new MemoryUnavailable({ cause: Cause.squash(cause) }), fields)
        yield* countInjectionError
        return { additions: [unavailableNotice], memories: [] }
      })

      const inject = Effect.fnUntraced(function* (
        { found, unreadable }: SearchResults,
        { recall_tokens }: MemorySettings,
        fields: FailureFields
      ) {
        if (unreadable > 0) {
          yield* reportFailure(
            new MemoryInjectionFailed({ cause: new Error(`${unreadable} rows are unreadable`) }),
            fields
          )
          yield* countInjectionError
        }
        const { additions, used } = promptOf(found, recall_tokens)
        return { additions, memories: used.map(({ memory }) => memory) }
      })

      return MemoryRecall.of({
        recall: Effect.fn("MemoryRecall.recall")((request) =>
          request.memory.recall === false
            ? Effect.succeed(nothing)
            : look(request).pipe(
                Effect.timeout(limits.recallTimeout),
                Effect.matchCauseEffect({
                  onFailure: (cause) => unavailable(cause, request.fields),
                  onSuccess: ({ results, settings }) => inject(results, settings, request.fields)
                })
              )
        )
      })
    })
  )
}
