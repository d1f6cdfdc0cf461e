import type { Causeway } from "./Causeway.ts"

/** The ids of a run in the background. */
export interface StartedRun {
  readonly id: string
  readonly session_id: string
}

const hasIds = (value: unknown): value is StartedRun =>
  typeof value === "object" && value !== null && "id" in value && "session_id" in value

/** Starts a run that nobody needs to read. */
export const startRun = async (
  { apiKey, url }: Pick<Causeway, "apiKey" | "url">,
  prompt: string
): Promise<StartedRun> => {
  const answer = await fetch(new URL("/api/v1/query", url), {
    method: "POST",
    headers: { "x-api-key": apiKey, "content-type": "application/json" },
    body: JSON.stringify({
      prompt,
      tools: [],
      system_prompt: "Answer.",
      background: true,
      include_partial_messages: true
    })
  })
  const body: unknown = await answer.json()
  if (answer.status !== 202 || !hasIds(body)) throw new Error(`No run: ${JSON.stringify(body)}`)
  return body
}

/** Waits until a run's first event is stored. */
export const untilRunning = async (
  { apiKey, url }: Pick<Causeway, "apiKey" | "url">,
  run: StartedRun
): Promise<void> => {
  const stop = new AbortController()
  const stream = await fetch(new URL(`/api/v1/runs/${run.id}/events`, url), {
    headers: { "x-api-key": apiKey },
    signal: stop.signal
  })
  let text = ""
  for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (text.includes("event: message")) break
  }
  stop.abort()
}
