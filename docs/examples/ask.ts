// A program that uses the typed client: what can go wrong is in the types, and so is what was done about it.
// CAUSEWAY_KEY=… node docs/examples/ask.ts SESSION "What was it?"
import { Effect, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { type Client, makeClient, type RedisUnavailable, Run, SessionId, type SessionNotFound } from "causeway"

/** What became of a question. */
export type Reply =
  | { readonly _tag: "Answered"; readonly text: string }
  /** The session is gone: the question needs another one. */
  | { readonly _tag: "Gone"; readonly session: SessionId }
  /** Nothing was started: the same question may be asked again. */
  | { readonly _tag: "NotNow" }

type Failures = Effect.Error<ReturnType<Client["api"]["query"]["single"]>>

/** Asks in a session. Without one of the two cases below this does not compile: the type says that they are handled. */
export const ask = (
  client: Client,
  session: SessionId,
  prompt: string
): Effect.Effect<Reply, Exclude<Failures, SessionNotFound | RedisUnavailable>> =>
  client.api.query.single({ payload: { prompt, session_id: session }, headers: {} }).pipe(
    Effect.map((answer): Reply => ({ _tag: "Answered", text: answer instanceof Run ? "" : (answer.result ?? "") })),
    Effect.catchTags({
      SessionNotFound: ({ session_id }) => Effect.succeed<Reply>({ _tag: "Gone", session: session_id }),
      RedisUnavailable: () => Effect.succeed<Reply>({ _tag: "NotNow" })
    })
  )

if (import.meta.main) {
  const [session = "", prompt = ""] = process.argv.slice(2)
  await Effect.gen(function* () {
    const client = yield* makeClient({
      baseUrl: process.env["CAUSEWAY_URL"] ?? "http://127.0.0.1:54000",
      apiKey: Redacted.make(process.env["CAUSEWAY_KEY"] ?? "")
    })
    console.log(yield* ask(client, SessionId.make(session), prompt))
  }).pipe(Effect.provide(FetchHttpClient.layer), Effect.runPromise)
}
