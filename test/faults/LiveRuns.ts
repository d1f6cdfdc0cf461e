import { scripted, small } from "../service/Prompts.ts"
import type { EventReader } from "../service/EventReader.ts"
import { until } from "../service/Polling.ts"
import type { Answer } from "../service/Service.ts"
import type { Stage } from "./Stage.ts"

/** What the agent of the run that ends says: it has been paid for. */
export const paidText = "It was paid for."

/** A run that is read as a stream, in the middle of its events. */
export interface StreamedRun {
  readonly requestId: string
  readonly stream: EventReader
  /** Lets the model go on. */
  readonly go: () => void
}

/** Starts a run whose model stops in the middle of its answer, and then goes on for `rest` more pieces, one each 100 ms. */
export const startStreamed = async (stage: Stage, name: string, rest: number): Promise<StreamedRun> => {
  const { service, template } = stage
  const gate = `${stage.outside.name} ${name}`
  const prompt = scripted(name, {
    text: "piece ".repeat(4 + rest),
    chunk: 6,
    every: rest > 40 ? 100 : 10,
    hold: gate,
    after: 4
  })
  const requestId = name.replaceAll(" ", "-")
  const stream = await service.stream("POST", "/api/v1/query", {
    key: template.worker,
    headers: { "x-request-id": requestId },
    body: { ...small, include_partial_messages: true, prompt, title: name }
  })
  // The opening of the message, and four pieces.
  await until("the answer is half there", () => stream.all("partial").length >= 5)
  return { requestId, stream, go: () => template.model.open(gate) }
}

/** A run that is waited for as a single answer; its agent waits before its last word. */
export interface SingleRun {
  readonly requestId: string
  readonly sessionId: string
  readonly answer: Promise<Answer & { readonly arrived: number }>
  readonly go: () => void
}

/** Starts a run whose agent ends as soon as it may. */
export const startSingle = async (stage: Stage, name: string): Promise<SingleRun> => {
  const { outside, service, template } = stage
  const gate = `${outside.name} ${name}`
  const requestId = name.replaceAll(" ", "-")
  const answer = service
    .request("POST", "/api/v1/query/single", {
      key: template.worker,
      headers: { "x-request-id": requestId },
      body: { ...small, prompt: scripted(name, { hold: gate, text: paidText }), title: name }
    })
    .then((answered) => ({ ...answered, arrived: performance.now() }))
  const begun = () =>
    outside.rows("SELECT sessions.id FROM sessions JOIN run_events ON session_id = sessions.id WHERE title = $1", [
      name
    ])
  await until("the run has begun", async () => (await begun()).length > 0, 30_000)
  await until("the model was asked", () =>
    template.model.requests().some(({ answer: { state }, prompt }) => prompt === name && state === "open")
  )
  const [session] = await begun()
  return { requestId, sessionId: String(session?.["id"]), answer, go: () => template.model.open(gate) }
}
