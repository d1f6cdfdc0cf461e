// `npm run demo`: a real agent at work over HTTP, with a scripted model in place of a real one.
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MemoryList } from "../src/api/Memories.ts"
import { MessageList } from "../src/api/Sessions.ts"
import { Session } from "../src/domain/Session.ts"
import { Client } from "./demo/Client.ts"
import { leftIn } from "./demo/Leftovers.ts"
import { dollars, field, heading, note, print, Screen, styled } from "./demo/Screen.ts"
import { startService } from "./demo/Service.ts"
import { fact, haiku, prompts, story } from "./demo/Story.ts"
import { startScriptedModel } from "./scripted-model/ScriptedModel.ts"

const began = performance.now()
const elapsed = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
const directory = mkdtempSync(join(tmpdir(), "causeway-demo-"))

const check = (holds: boolean, expected: string) => {
  if (!holds) throw new Error(`This did not come true: ${expected}.`)
}

/** Sends a prompt, shows what happens, and gives the session and the agent's last words. */
const turn = async (client: Client, path: string, body: unknown) => {
  const screen = new Screen()
  let ending: { readonly session_id: string; readonly said: string } | undefined
  for await (const frame of client.run(path, body)) {
    screen.show(frame)
    if (frame.event === "result") ending = { session_id: frame.data.session_id, said: frame.data.result ?? "" }
  }
  if (ending === undefined) throw new Error("The run ended without a result")
  return ending
}

const showStored = async (client: Client, id: string) => {
  const session = await client.get(`/api/v1/sessions/${id}`, Session)
  const { messages } = await client.get(`/api/v1/sessions/${id}/messages`, MessageList)
  field("status", session.status)
  field("turns", String(session.total_turns))
  field("cost", dollars(session.total_cost_usd))
  field("messages", String(messages.length))
  if (session.parent_session_id !== null) field("forked from", session.parent_session_id)
}

const tellStory = async (client: Client) => {
  const settings = { permission_mode: "acceptEdits", include_partial_messages: true }

  heading("A prompt that needs tools", "POST /api/v1/query")
  const first = await turn(client, "/api/v1/query", { prompt: prompts.write, ...settings })
  check(first.said.includes("over water it can't see"), "the agent has read its file")
  const [file] = globSync(join(directory, "data", "workspaces", "*", first.session_id, "haiku.txt"))
  check(file !== undefined && readFileSync(file, "utf8") === haiku, "the file is in the agent's workspace")
  field("on disk", `${file}`)

  heading("The session as it is stored", `GET /api/v1/sessions/${first.session_id}`)
  await showStored(client, first.session_id)

  heading("A second turn, in a new agent process that knows the first", "POST /api/v1/sessions/{id}/resume")
  const second = await turn(client, `/api/v1/sessions/${first.session_id}/resume`, {
    prompt: prompts.remember,
    ...settings
  })
  check(second.said.includes(prompts.write), "the second turn knows the first")
  await showStored(client, first.session_id)

  heading("A fork: a session of its own that begins with both turns", "POST /api/v1/sessions/{id}/fork")
  const fork = await turn(client, `/api/v1/sessions/${first.session_id}/fork`, { prompt: prompts.branch, ...settings })
  check(fork.session_id !== first.session_id, "the fork is another session")
  check(fork.said.includes(prompts.write) && fork.said.includes(prompts.remember), "the fork knows both turns")
  await showStored(client, fork.session_id)

  heading("Something is told in a session …", "POST /api/v1/query")
  const told = await turn(client, "/api/v1/query", { prompt: prompts.tell, ...settings })
  const { memories } = await client.get("/api/v1/memories", MemoryList)
  check(memories.length === 1 && memories[0]?.memory === fact, "the fact is remembered")
  field("remembered", fact)

  heading("… and known in another one", "POST /api/v1/query")
  const asked = await turn(client, "/api/v1/query", { prompt: prompts.ask, ...settings })
  check(asked.session_id !== told.session_id && asked.said.includes("Fresnel"), "the other session knows the fact")
}

const demonstrate = async (signal: AbortSignal) => {
  const model = await startScriptedModel({ script: story })
  try {
    field("model", `${model.url}  (scripted)`)
    print(styled("dim", `${" ".repeat(7)}causeway is starting, and makes its database …`))
    const service = await startService(directory, model.url, signal)
    try {
      field("causeway", `${service.url}  (started after ${elapsed()}, embedded database)`)
      const key = readFileSync(join(directory, "data", "api-key"), "utf8").trim()
      await tellStory(new Client(service.url, key, signal))
    } catch (error) {
      if (!signal.aborted) print(`\nThe service's log ends with:\n${service.log()}`)
      throw error
    } finally {
      await service.stop()
    }
  } finally {
    await model.stop()
  }
}

const cleanUp = async () => {
  const left = await leftIn(directory)
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  if (left.length > 0) throw new Error(`These processes are left: ${left.join(", ")}`)
}

const stopping = new AbortController()
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => stopping.abort(new Error(`Stopped by ${name}`)))
}
process.stdout.on("error", () => stopping.abort(new Error("Nobody reads the output any more")))

print(styled("bold", "Causeway, with a scripted model"))
note(
  "The model's answers are written in scripts/demo/Story.ts, and it costs nothing. All else is real: the service, its",
  "database, the Claude Agent SDK with its CLI, the tools and the file that they write."
)
if (process.env["ANTHROPIC_API_KEY"]) note("ANTHROPIC_API_KEY is set; the demo does not use it.")

try {
  try {
    await demonstrate(stopping.signal)
  } finally {
    await cleanUp()
  }
  heading(`Done in ${elapsed()}`, "everything is stopped and removed, no process is left")
  note(
    "With a real model:",
    "  ANTHROPIC_API_KEY=… npm start",
    '  curl -N http://127.0.0.1:54000/api/v1/query -H "X-API-Key: $(cat .causeway/api-key)" \\',
    `    -H 'Content-Type: application/json' -d '{"prompt": "Say hello"}'`
  )
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`)
}
