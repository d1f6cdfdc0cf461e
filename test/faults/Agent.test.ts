import { chmod, mkdir, mkdtemp, realpath, rename, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, inject, it } from "vitest"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { type ScriptedModel, startScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"
import { untilNoAgents } from "../service/AgentProcesses.ts"
import { EventReader } from "../service/EventReader.ts"
import { keepExampleText } from "../service/Examples.ts"
import { at, listAt, numberAt, textAt } from "../service/Json.ts"
import { scripted, small } from "../service/Prompts.ts"
import { operatorKey, type Service, startService } from "../service/Service.ts"
import { stopCleanly } from "../service/UseService.ts"
import { type AgentFault, agentFaults, programText } from "./AgentFaults.ts"
import { inTurn } from "./InTurn.ts"
import type { ErrorId } from "./Matrix.ts"
import {
  countedBetween,
  countsOf,
  entryOfId,
  failureCounts,
  failureLines,
  hasFields,
  isProblem,
  sumOf,
  tellsNothing
} from "./Observations.ts"
import { saveAgentResults } from "./Results.ts"
import { Outside, servicePassword, serviceRole } from "./Outside.ts"
import { encryptionKey } from "./Stage.ts"
import { standInText } from "./StandIn.ts"

const secrets = [operatorKey, servicePassword, encryptionKey, "model-key-of-the-tests"]

let model: ScriptedModel
let proxy: FaultProxy
let directory: string
let outside: Outside
let service: Service
let tenant: string
let hash: string

const program = () => join(directory, "agent")
const standIn = () => join(directory, "stand-in.mjs")
const shared = () => join(directory, "workspaces", "shared")

const realCli = (): string => {
  const require = createRequire(import.meta.resolve("@anthropic-ai/claude-agent-sdk"))
  return require.resolve(`@anthropic-ai/claude-agent-sdk-${process.platform}-${process.arch}/claude`)
}

beforeAll(async () => {
  model = await startScriptedModel()
  proxy = await startFaultProxy({ host: "127.0.0.1", port: model.port })
  directory = await realpath(await mkdtemp(join(tmpdir(), "causeway-agents-")))
  await mkdir(shared(), { recursive: true })
  await writeFile(standIn(), standInText)
  await writeFile(program(), programText(realCli(), standIn()), { mode: 0o755 })
  const server = await (await fetch(inject("postgresDesk"))).text()
  await Outside.makeRole(server)
  outside = await Outside.create(server, `agents_${Date.now()}_${process.pid}`)
  service = await startService({
    database: outside.serviceUrl,
    model: proxy.url("http"),
    env: {
      WORKSPACE_ROOTS: join(directory, "workspaces"),
      ENCRYPTION_KEY: encryptionKey,
      AGENT_EXECUTABLE: program(),
      MODEL_RETRIES: "0",
      MODEL_IDLE_TIMEOUT: "10 seconds",
      START_TIMEOUT: "20 seconds",
      RUN_TIMEOUT: "45 seconds",
      // Agents that never start must not hold up the others.
      MAX_STARTS: "16"
    }
  })
  const [key] = await outside.rows("SELECT tenant_id, key_hash FROM api_keys")
  tenant = String(key?.["tenant_id"])
  hash = String(key?.["key_hash"])
})

afterAll(async () => {
  const output = service.output()
  await untilNoAgents(service.dataDir)
  await stopCleanly(service)
  for (const secret of secrets) assert.notInclude(output, secret)
  await proxy.close()
  await model.stop()
  await rm(directory, { recursive: true, force: true })
})

const post = async (path: string, requestId: string, body: unknown) => {
  const abort = new AbortController()
  const response = await fetch(`${service.url}/api/v1${path}`, {
    method: "POST",
    headers: { "x-api-key": operatorKey, "content-type": "application/json", "x-request-id": requestId },
    body: JSON.stringify(body),
    signal: abort.signal
  })
  if (response.headers.get("content-type") === "text/event-stream") {
    const stream = new EventReader(response, abort)
    await stream.finished(120_000)
    return { requestId, stream }
  }
  const text = await response.text()
  const { headers, status } = response
  keepExampleText(text)
  return { requestId, answer: { requestId, status, headers, text, body: text === "" ? undefined : JSON.parse(text) } }
}
type Posted = Awaited<ReturnType<typeof post>>

const streamOf = ({ answer, stream }: Posted): EventReader => {
  if (stream === undefined) throw new Error(`No stream but ${answer?.status}: ${answer?.text}`)
  return stream
}

const answerOf = ({ answer }: Posted) => {
  if (answer === undefined) throw new Error("A stream, and no answer")
  return answer
}

/** The one run that a request has started. */
const runOf = async (requestId: string) => {
  const rows = await outside.rows("SELECT * FROM runs WHERE request_id = $1", [requestId])
  const [run = {}] = rows
  assert.lengthOf(rows, 1)
  const [session = {}] = await outside.rows("SELECT * FROM sessions WHERE id = $1", [run["session_id"]])
  const events = await outside.rows("SELECT seq::int, event FROM run_events WHERE run_id = $1 ORDER BY seq", [
    run["id"]
  ])
  return { run, session, events: events.map(({ event }) => String(event)), sessionId: String(run["session_id"]) }
}

/** Checks what is stored and logged of a run that failed so. */
const isRecorded = async (requestId: string, errorId: ErrorId, message: string, prompt: string) => {
  const { events, run, session, sessionId } = await runOf(requestId)
  const entry = entryOfId(errorId)
  assert.deepEqual([run["status"], session["status"]], ["failed", "error"])
  assert.deepEqual(run["error"], { code: entry.code, error_id: errorId, message })
  assert.isNotNull(run["ended_at"])
  assert.deepEqual(events.slice(-2), ["error", "done"])
  const lines = failureLines(service, requestId)
  assert.deepEqual(countsOf(lines), { [errorId]: 1 })
  hasFields(lines[0], {
    tenant_id: tenant,
    api_key_hash: hash,
    prompt_preview: prompt.slice(0, 100),
    session_id: sessionId,
    run_id: run["id"]
  })
  return { run, sessionId }
}

const hasResult = (details: unknown, fault: AgentFault): void => {
  if (!fault.result) return assert.notProperty(details, "result")
  assert.containsAllKeys(at(details, "result"), ["result", "num_turns", "total_cost_usd", "usage", "stop_reason"])
}

const checkStream = async (fault: AgentFault, posted: Posted, prompt: string) => {
  const { error_id, status } = fault
  const entry = entryOfId(error_id)
  if (fault.seen === "status") {
    const answer = answerOf(posted)
    isProblem(answer, status, error_id)
    tellsNothing(answer.text, secrets)
    return isRecorded(posted.requestId, error_id, textAt(answer.body, "error.message"), prompt)
  }
  const stream = streamOf(posted)
  assert.strictEqual(stream.status, 200)
  assert.strictEqual(stream.names[0], "init")
  assert.deepEqual(stream.names.slice(-2), ["error", "done"])
  assert.lengthOf(stream.all("error"), 1)
  assert.notInclude(stream.names, "result")
  const error = stream.first("error")
  const { details, message, ...fixed } = Object(error.data)
  assert.deepEqual(fixed, {
    code: entry.code,
    error_id,
    retry: entry.retry,
    fatal: true,
    request_id: posted.requestId
  })
  hasResult(details, fault)
  tellsNothing(error.text, secrets)
  assert.strictEqual(at(stream.first("done").data, "reason"), "error")
  assert.deepEqual(
    stream.events.map(({ id }) => id),
    stream.events.map((_, index) => String(index + 1))
  )
  const recorded = await isRecorded(posted.requestId, error_id, message, prompt)
  if (fault.result) {
    // What it cost is this run's, whatever became of it.
    assert.strictEqual(recorded.run["total_cost_usd"], numberAt(details, "result.total_cost_usd"))
    assert.strictEqual(recorded.run["cost_unknown"], false)
  } else assert.strictEqual(recorded.run["cost_unknown"], true)
  return recorded
}

const checkSingle = async (fault: AgentFault, posted: Posted, prompt: string) => {
  const answer = answerOf(posted)
  isProblem(answer, fault.status, fault.error_id)
  if (fault.status === 503) assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
  else assert.isNull(answer.headers.get("retry-after"))
  hasResult(at(answer.body, "error.details"), fault)
  tellsNothing(answer.text, secrets)
  return isRecorded(posted.requestId, fault.error_id, textAt(answer.body, "error.message"), prompt)
}

/** The next turn of a session whose last run failed. */
const goesOn = async (sessionId: string, requestId: string): Promise<void> => {
  const next = await post(`/sessions/${sessionId}/resume`, requestId, {
    ...small,
    prompt: scripted("Go on.", { recall: "Known: " })
  })
  const stream = streamOf(next)
  assert.deepEqual(stream.names.slice(-2), ["result", "done"], stream.raw)
  assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
  const { run, session } = await runOf(requestId)
  assert.deepEqual([run["status"], session["status"]], ["completed", "completed"])
  assert.deepEqual(failureLines(service, requestId), [])
}

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")

describe("an agent that fails", () => {
  const turns = inTurn(4)
  const counts: Array<ErrorId> = []
  const green = new Set<AgentFault>()
  let before: Readonly<Record<string, number>> = {}

  beforeAll(async () => {
    before = await failureCounts(service)
  })
  afterAll(() =>
    saveAgentResults(
      agentFaults.map((fault) => {
        const { error_id, name, seen, status } = fault
        return { name, error_id, status, seen, green: green.has(fault) }
      })
    )
  )

  describe.concurrent("of itself or for its model", () => {
    for (const fault of agentFaults) {
      it(
        `${fault.name} is ${fault.error_id}: ${fault.seen} and ${fault.status}`,
        () =>
          turns(async () => {
            const { cwd, name, options, steps } = fault
            const ask = (kind: string) => {
              const prompt = steps.length === 0 ? `${kind}: ${name}` : scripted(`${kind}: ${name}`, ...steps)
              const body = { ...small, ...options, prompt, ...(cwd === undefined ? {} : { cwd }) }
              return { prompt, body }
            }
            const streamed = ask("Stream")
            const single = ask("Single")
            const stream = async () => {
              const posted = await post("/query", slug(`stream ${name}`), streamed.body)
              counts.push(fault.error_id)
              return checkStream(fault, posted, streamed.prompt)
            }
            const answer = async (place: Readonly<Record<string, unknown>>) => {
              const posted = await post("/query/single", slug(`single ${name}`), { ...single.body, ...place })
              counts.push(fault.error_id)
              return checkSingle(fault, posted, single.prompt)
            }
            if (fault.waits === true || fault.standIn === true) {
              const [{ sessionId }] = await Promise.all([stream(), answer({})])
              if (fault.seen === "event" && fault.standIn !== true) await goesOn(sessionId, slug(`next ${name}`))
            } else {
              const { sessionId } = await stream()
              // The same session takes a run again, unless it has never had one.
              const place = fault.seen === "event" ? { session_id: sessionId, cwd: undefined } : {}
              const second = await answer(place)
              if (fault.seen === "event") {
                assert.strictEqual(second.sessionId, sessionId)
                await goesOn(sessionId, slug(`next ${name}`))
              }
            }
            green.add(fault)
          }),
        240_000
      )
    }
  })

  it("is counted once for each run, and nothing else is", async () => {
    const counted = countedBetween(before, await failureCounts(service))
    assert.deepEqual(counted, sumOf(counts.map((errorId) => ({ [errorId]: 1 }))))
  })
})

describe("what an agent needs and does not find", () => {
  const plain = { ...small, prompt: "Begin." }

  /** Checks that both ways to ask are refused alike, before anything is written. */
  const isRefused = async (errorId: ErrorId, status: number, name: string) => {
    const before = await failureCounts(service)
    for (const path of ["/query", "/query/single"]) {
      const requestId = slug(`${name}${path}`)
      const answer = answerOf(await post(path, requestId, plain))
      isProblem(answer, status, errorId)
      tellsNothing(answer.text, secrets)
      assert.deepEqual(countsOf(failureLines(service, requestId)), { [errorId]: 1 })
      hasFields(failureLines(service, requestId)[0], {
        tenant_id: tenant,
        api_key_hash: hash,
        prompt_preview: "Begin."
      })
      assert.strictEqual(await outside.count("runs WHERE request_id = $1", [requestId]), 0)
    }
    assert.deepEqual(countedBetween(before, await failureCounts(service)), { [errorId]: 2 })
  }

  const goesWell = async (requestId: string) => {
    assert.strictEqual(answerOf(await post("/query/single", requestId, plain)).status, 200)
  }

  it("its program: missing is ERR_SDK_MISSING, and nothing is started", async () => {
    await rename(program(), `${program()}.away`)
    await isRefused("ERR_SDK_MISSING", 500, "missing")
    const ready = await service.request("GET", "/health/ready", { key: null })
    assert.include(JSON.stringify(listAt(ready.body, "missing")), "agent_sdk")
    await rename(`${program()}.away`, program())
    await goesWell("missing-mended")
  })

  it("its program: not executable is ERR_AGENT_NOT_EXECUTABLE, and nothing is started", async () => {
    await chmod(program(), 0o644)
    await isRefused("ERR_AGENT_NOT_EXECUTABLE", 500, "not executable")
    await chmod(program(), 0o755)
    await goesWell("not-executable-mended")
  })

  it("its directory: gone is ERR_WORKSPACE_MISSING, until it is back", async () => {
    const cwd = join(shared(), "project")
    await mkdir(cwd)
    const first = answerOf(await post("/query/single", "cwd-first", { ...plain, cwd }))
    assert.strictEqual(first.status, 200)
    const sessionId = textAt(first.body, "session_id")
    await rm(cwd, { recursive: true })
    const before = await failureCounts(service)
    const streamed = answerOf(await post("/query", "cwd-stream", { ...plain, session_id: sessionId }))
    const single = answerOf(await post("/query/single", "cwd-single", { ...plain, session_id: sessionId }))
    for (const answer of [streamed, single]) {
      isProblem(answer, 422, "ERR_WORKSPACE_MISSING")
      tellsNothing(answer.text, [...secrets, directory])
      await isRecorded(answer.requestId, "ERR_WORKSPACE_MISSING", textAt(answer.body, "error.message"), "Begin.")
    }
    assert.deepEqual(countedBetween(before, await failureCounts(service)), { ERR_WORKSPACE_MISSING: 2 })
    await mkdir(cwd)
    await goesOn(sessionId, "cwd-back")
  })

  it("its model: refused connections are ERR_MODEL_UNREACHABLE, until it is back", async () => {
    const fault: AgentFault = {
      name: "refused",
      error_id: "ERR_MODEL_UNREACHABLE",
      status: 502,
      seen: "event",
      result: true,
      steps: []
    }
    const before = await failureCounts(service)
    await proxy.set({ kind: "refuse" })
    const { sessionId } = await checkStream(fault, await post("/query", "refused-stream", plain), "Begin.")
    await checkSingle(
      fault,
      await post("/query/single", "refused-single", { ...plain, session_id: sessionId }),
      "Begin."
    )
    await proxy.set({ kind: "pass" })
    assert.deepEqual(countedBetween(before, await failureCounts(service)), { ERR_MODEL_UNREACHABLE: 2 })
    await goesOn(sessionId, "refused-back")
  })

  it("its memory of the conversation: what is not stored is said, and the run is well", async () => {
    const before = await failureCounts(service)
    await outside.rows(`REVOKE INSERT ON transcript_entries FROM ${serviceRole}`)
    const stream = streamOf(await post("/query", "mirror-stream", plain))
    const single = answerOf(await post("/query/single", "mirror-single", plain))
    await outside.rows(`GRANT INSERT ON transcript_entries TO ${serviceRole}`)

    assert.deepEqual(stream.names.slice(-3), ["error", "result", "done"])
    const { details, ...error } = Object(stream.first("error").data)
    assert.deepEqual(error, {
      code: "TRANSCRIPT_NOT_STORED",
      error_id: "ERR_TRANSCRIPT_NOT_STORED",
      message: "A part of the conversation could not be stored.",
      retry: "no",
      fatal: false,
      request_id: "mirror-stream"
    })
    assert.deepEqual(details, {})
    tellsNothing(stream.first("error").text, secrets)
    assert.strictEqual(at(stream.first("result").data, "saved"), true)
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
    assert.strictEqual(single.status, 200, single.text)

    for (const requestId of ["mirror-stream", "mirror-single"]) {
      const { run, session, sessionId } = await runOf(requestId)
      assert.deepEqual([run["status"], run["error"], session["status"]], ["completed", null, "completed"])
      assert.strictEqual(session["transcript_complete"], false)
      const lines = failureLines(service, requestId)
      assert.deepEqual(countsOf(lines), { ERR_TRANSCRIPT_NOT_STORED: 1 })
      hasFields(lines[0], { session_id: sessionId, run_id: run["id"], tenant_id: tenant, api_key_hash: hash })
    }
    assert.deepEqual(countedBetween(before, await failureCounts(service)), { ERR_TRANSCRIPT_NOT_STORED: 2 })
  })

  it("its past: what cannot be read is ERR_TRANSCRIPT_UNREADABLE, until it can be", async () => {
    const first = answerOf(await post("/query/single", "past-first", plain))
    const sessionId = textAt(first.body, "session_id")
    const before = await failureCounts(service)
    await outside.rows(`REVOKE SELECT ON transcript_entries FROM ${serviceRole}`)
    for (const [requestId, path] of [
      ["past-stream", "/query"],
      ["past-single", "/query/single"]
    ] as const) {
      const answer = answerOf(await post(path, requestId, { ...plain, session_id: sessionId }))
      isProblem(answer, 503, "ERR_TRANSCRIPT_UNREADABLE")
      assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
      tellsNothing(answer.text, secrets)
      await isRecorded(requestId, "ERR_TRANSCRIPT_UNREADABLE", textAt(answer.body, "error.message"), "Begin.")
    }
    await outside.rows(`GRANT SELECT ON transcript_entries TO ${serviceRole}`)
    assert.deepEqual(countedBetween(before, await failureCounts(service)), { ERR_TRANSCRIPT_UNREADABLE: 2 })
    await goesOn(sessionId, "past-back")
  })

  it("its past: none is ERR_TRANSCRIPT_MISSING, and the agent does not begin anew behind one's back", async () => {
    const first = answerOf(await post("/query/single", "no-past-first", plain))
    const sessionId = textAt(first.body, "session_id")
    await outside.rows("DELETE FROM transcript_entries WHERE session_id = $1", [sessionId])
    const before = await failureCounts(service)
    for (const [requestId, path] of [
      ["no-past-stream", "/query"],
      ["no-past-single", "/query/single"]
    ] as const) {
      const answer = answerOf(await post(path, requestId, { ...plain, session_id: sessionId }))
      isProblem(answer, 409, "ERR_TRANSCRIPT_MISSING")
      await isRecorded(requestId, "ERR_TRANSCRIPT_MISSING", textAt(answer.body, "error.message"), "Begin.")
    }
    assert.deepEqual(countedBetween(before, await failureCounts(service)), { ERR_TRANSCRIPT_MISSING: 2 })
  })
})

describe("what cannot be read of what an agent says", () => {
  const inPlace = (cwd: string) => ({ ...small, prompt: "Begin.", cwd })

  /** Checks a run that is well although its agent said something unreadable, which is told in one line of the log. */
  const isWell = async (name: string, errorId: ErrorId) => {
    const before = await failureCounts(service)
    const stream = streamOf(await post("/query", `${name}-stream`, inPlace(name)))
    const single = answerOf(await post("/query/single", `${name}-single`, inPlace(name)))
    assert.deepEqual(stream.names.slice(-2), ["result", "done"])
    assert.notInclude(stream.names, "error")
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
    assert.strictEqual(single.status, 200, single.text)
    for (const requestId of [`${name}-stream`, `${name}-single`]) {
      const { run, session, sessionId } = await runOf(requestId)
      assert.deepEqual([run["status"], run["error"], session["status"]], ["completed", null, "completed"])
      const lines = failureLines(service, requestId)
      assert.deepEqual(countsOf(lines), { [errorId]: 1 })
      hasFields(lines[0], { session_id: sessionId, run_id: run["id"], tenant_id: tenant, api_key_hash: hash })
    }
    assert.deepEqual(countedBetween(before, await failureCounts(service)), { [errorId]: 2 })
    return { stream, single, ...(await runOf(`${name}-single`)) }
  }

  it("of its beginning: the run goes on with what is known of it", async () => {
    const { run, stream } = await isWell("half-an-init", "ERR_INIT_PARSE_FAILED")
    assert.deepInclude(stream.first("init").data, { session_id: stream.sessionId, tools: [] })
    assert.deepInclude(run, { cost_unknown: false, total_cost_usd: 0.5, num_turns: 1 })
  })

  it("of its result: cost and turns are unknown, and run, session and answer say so", async () => {
    const { run, session, single, stream } = await isWell("half-a-result", "ERR_RESULT_PARSE_FAILED")
    const unknown = { cost_unknown: true, total_cost_usd: null, num_turns: null }
    assert.deepInclude(stream.first("result").data, unknown)
    assert.deepInclude(single.body, unknown)
    assert.deepInclude(run, unknown)
    assert.strictEqual(session["cost_unknown"], true)
  })
})
