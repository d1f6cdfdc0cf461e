import { type Duration, Effect, Option, Schema } from "effect"
import type { Cache } from "../cache/Cache.ts"
import { countCorruption } from "../cache/CacheMetrics.ts"
import { CacheParseFailed, type RedisUnavailable } from "../domain/errors/StorageErrors.ts"
import { type FailureFields, reportFailure } from "./FailureReport.ts"

/** What a key stands for, on the lines about it. */
type Subject = Pick<FailureFields, "session_id" | "tenant_id" | "api_key_hash">

/** How many things of a kind are kept decoded. */
const mostDecoded = 1000

/** Reads things from the cache, and from the database where the cache does not have them. */
export interface ReadThrough<A> {
  readonly get: <E, R>(
    key: string,
    subject: Subject,
    fromDatabase: Effect.Effect<Option.Option<A>, E, R>
  ) => Effect.Effect<Option.Option<A>, E, R>
  /** Forgets what has changed. */
  readonly invalidate: (key: string, subject: Subject) => Effect.Effect<void>
}

/** Makes reads of one kind of thing. A cache that is away or holds nonsense costs time, never an answer. */
export const makeReadThrough = <A, I>(
  cache: Cache["Service"],
  schema: Schema.Codec<A, I>,
  life: Duration.Duration
): ReadThrough<A> => {
  const json = Schema.fromJsonString(schema)
  const decode = Schema.decodeUnknownEffect(json)
  const encode = Schema.encodeEffect(json)

  // Without the cache reads go on, as slowly as the database; the outage itself is logged by its layer.
  const reportOutage = (subject: Subject) => (failure: RedisUnavailable) => reportFailure(failure, subject)

  // The same text means the same thing: what is asked for often is decoded once.
  const decoded = new Map<string, { readonly text: string; readonly thing: A }>()
  const remember = (key: string, text: string) => (thing: A) => {
    const [oldest] = decoded.keys()
    if (decoded.size >= mostDecoded && oldest !== undefined) decoded.delete(oldest)
    decoded.set(key, { text, thing })
    return Option.some(thing)
  }

  const cached = Effect.fnUntraced(function* (key: string, subject: Subject) {
    const found = yield* cache.get(key)
    if (Option.isNone(found)) return Option.none<A>()
    const known = decoded.get(key)
    if (known?.text === found.value) return Option.some(known.thing)
    return yield* decode(found.value).pipe(
      Effect.map(remember(key, found.value)),
      Effect.catch(() =>
        reportFailure(new CacheParseFailed({ key }), subject).pipe(
          Effect.andThen(countCorruption),
          Effect.andThen(cache.remove(key)),
          Effect.as(Option.none<A>())
        )
      )
    )
  })

  return {
    get: Effect.fnUntraced(function* (key, subject, fromDatabase) {
      const known = yield* cached(key, subject).pipe(
        Effect.catch((failure) => Effect.as(reportOutage(subject)(failure), Option.none<A>()))
      )
      if (Option.isSome(known)) return known
      const found = yield* fromDatabase
      if (Option.isSome(found)) {
        yield* encode(found.value).pipe(
          Effect.orDie,
          Effect.flatMap((value) => cache.fill(key, value, life)),
          Effect.ignore
        )
      }
      return found
    }),
    invalidate: (key, subject) => cache.invalidate(key).pipe(Effect.catch(reportOutage(subject)))
  }
}
