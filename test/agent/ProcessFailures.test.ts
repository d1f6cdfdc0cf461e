import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { AgentRuntime } from "../../src/agent/AgentRuntime.ts"
import { layer } from "../../src/agent/ClaudeAgentRuntime.ts"
import { TranscriptNotStored, TranscriptUnreadable } from "../../src/domain/errors/AgentErrors.ts"
import { DbUnavailable } from "../../src/domain/errors/StorageErrors.ts"
import { bench, collectUntil, completed, failed, memoryTranscript, run, scripted, start } from "./Agents.ts"
import { fakeCli } from "./FakeCli.ts"
import { processesOf, until } from "./Processes.ts"

const file = (path: string, text: string, mode: number) => {
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

it.live("what fails before there is a process fails the start", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd } = yield* bench
    const tagOf = (changed: Partial<typeof settings>, changes: Parameters<typeof turn>[1] = {}) =>
      Effect.scoped(start({ ...settings, ...changed }, turn("Try.", changes))).pipe(
        Effect.flip,
        Effect.map(({ _tag }) => _tag)
      )
    assert.strictEqual(yield* tagOf({ apiKey: undefined, baseUrl: undefined }), "ModelCredentialsMissing")
    assert.strictEqual(yield* tagOf({ executable: join(cwd, "nothing") }), "SdkMissing")
    assert.strictEqual(yield* tagOf({ executable: file(join(cwd, "locked"), "", 0o644) }), "AgentNotExecutable")
    assert.strictEqual(yield* tagOf({}, { cwd: join(cwd, "nowhere") }), "WorkspaceMissing")
    assert.strictEqual(yield* tagOf({}, { cwd: file(join(cwd, "file"), "", 0o644) }), "WorkspaceMissing")
    assert.strictEqual(yield* tagOf({}, { beginning: { _tag: "Resume" } }), "TranscriptMissing")
    const unreadable = { ...memoryTranscript(), load: () => Effect.fail(new TranscriptUnreadable()) }
    assert.strictEqual(
      yield* tagOf({}, { beginning: { _tag: "Resume" }, transcript: unreadable }),
      "TranscriptUnreadable"
    )
  })
)

it.live("readiness tells what is missing", () =>
  Effect.gen(function* () {
    const { settings, cwd } = yield* bench
    const readiness = (changed: Partial<typeof settings>) =>
      Effect.flatMap(AgentRuntime, (runtime) => runtime.readiness).pipe(
        Effect.provide(layer({ ...settings, ...changed }))
      )
    assert.deepStrictEqual(yield* readiness({}), { sdk: "ok", credentials: "ok" })
    assert.deepStrictEqual(
      yield* readiness({ executable: join(cwd, "nothing"), apiKey: undefined, baseUrl: undefined }),
      { sdk: "missing", credentials: "missing" }
    )
  })
)

it.live("a program that is no program, or ends, or says nothing, or nonsense, is a failure of its own", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd } = yield* bench
    const tagOf = (executable: string, startTimeout = settings.startTimeout) =>
      run({ ...settings, executable, startTimeout }, turn("Try.")).pipe(
        Effect.map(({ outcome }) => failed(outcome).failure)
      )
    assert.strictEqual((yield* tagOf(file(join(cwd, "corrupt"), "\u0000\u0001", 0o755)))._tag, "AgentNotExecutable")
    assert.deepInclude(yield* tagOf(file(join(cwd, "refuses"), "#!/bin/sh\nexit 1\n", 0o755)), {
      _tag: "AgentStartFailed",
      reason: "exit 1"
    })
    assert.strictEqual((yield* tagOf(fakeCli(cwd, []), 500))._tag, "AgentStartTimedOut")
    assert.strictEqual(
      (yield* tagOf(file(join(cwd, "babbles"), "#!/bin/sh\necho Welcome\nsleep 60\n", 0o755), 500))._tag,
      "AgentProtocolBroken"
    )
  })
)

const init = (session_id: string) => ({
  type: "system",
  subtype: "init",
  session_id,
  model: "claude-opus-5-5",
  permissionMode: "default",
  tools: ["Read"],
  mcp_servers: [],
  slash_commands: []
})

it.live("a process that says what cannot be read is told from one that fails", () =>
  Effect.gen(function* () {
    const { settings, turn, cwd } = yield* bench
    const agent = turn("Try.")
    const say = (lines: ReadonlyArray<unknown>, then?: number) =>
      run({ ...settings, executable: fakeCli(cwd, lines, then) }, agent)

    const foreign = yield* say([init("0198c0de-0000-4000-8000-000000000000")])
    assert.strictEqual(failed(foreign.outcome).failure._tag, "UuidTypeError")

    const ended = yield* say([init(agent.sessionId)], 3)
    assert.deepInclude(failed(ended.outcome).failure, { _tag: "AgentExited", exit_code: 3 })

    const result = { type: "result", subtype: "success", session_id: agent.sessionId, is_error: false }
    const unreadable = yield* say([init(agent.sessionId), { type: "from_the_future" }, result])
    assert.strictEqual(unreadable.outcome._tag, "Unreadable")

    const bare = yield* say([{ type: "system", subtype: "init", session_id: agent.sessionId }, result])
    const [warning, begun] = bare.events
    assert.strictEqual(warning?.event === "warning" ? warning.failure._tag : undefined, "InitParseFailed")
    assert.deepStrictEqual(begun, {
      event: "init",
      data: { model: agent.model, permission_mode: agent.permissionMode, tools: [], mcp_servers: [], commands: [] }
    })
  })
)

it.live("an agent that is killed from outside is AgentKilled, with nothing left of it", () =>
  Effect.gen(function* () {
    const { settings, turn, directory, cwd } = yield* bench
    const marker = join(cwd, "started")
    const command = `touch ${marker}; sleep 300`
    const agent = yield* start(
      settings,
      turn(scripted("Wait.", { tool: "Bash", input: { command } }), { options: { allowed_tools: ["Bash"] } })
    )
    const { events, fiber } = yield* collectUntil(agent, ({ event }) => event === "message")
    yield* until(() => existsSync(marker))
    const cli = processesOf(directory).find(({ command }) => /^\S*claude-agent-sdk\S*\/claude /.test(command))
    process.kill(cli?.pid ?? Number.NaN, "SIGKILL")
    yield* Fiber.join(fiber)
    const end = events.at(-1)
    assert.deepInclude(end?.event === "end" ? failed(end.outcome).failure : {}, {
      _tag: "AgentKilled",
      signal: "SIGKILL"
    })
    assert.deepStrictEqual(processesOf(directory), [])
  })
)

it.live("a service that is killed takes its agents with it", () =>
  Effect.gen(function* () {
    const { settings, turn, directory, cwd } = yield* bench
    const marker = join(cwd, "started")
    const command = `touch ${marker}; sleep 300`
    const asked = turn(scripted("Wait.", { tool: "Bash", input: { command } }), {
      options: { allowed_tools: ["Bash"] }
    })
    const { transcript: _transcript, ...plain } = asked
    const program = file(
      join(cwd, "service.ts"),
      `import { Effect, Redacted, Stream } from "${import.meta.resolve("effect")}"
import { existsSync } from "node:fs"
import { AgentRuntime } from "${import.meta.resolve("../../src/agent/AgentRuntime.ts")}"
import { layer } from "${import.meta.resolve("../../src/agent/ClaudeAgentRuntime.ts")}"
const transcript = { append: () => Effect.void, load: () => Effect.succeed([]), subpaths: Effect.succeed([]) }
setInterval(() => existsSync(${JSON.stringify(marker)}) && process.kill(process.pid, "SIGKILL"), 20)
await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
  const runtime = yield* AgentRuntime
  const agent = yield* runtime.start({ ...${JSON.stringify(plain)}, transcript })
  yield* Stream.runDrain(agent.events)
}).pipe(Effect.provide(layer({ ...${JSON.stringify({ ...settings, apiKey: null })}, apiKey: Redacted.make("k"), executable: undefined })))))
`,
      0o644
    )
    const ended = yield* Effect.callback<NodeJS.Signals | null>((resume) => {
      void import("node:child_process").then(({ spawn }) =>
        spawn(process.execPath, [program], { stdio: "inherit" }).once("exit", (_, signal) =>
          resume(Effect.succeed(signal))
        )
      )
    })
    assert.strictEqual(ended, "SIGKILL")
    yield* until(() => processesOf(directory).length === 0).pipe(Effect.timeout(2000))
    // What it left on the disk goes when the next service starts.
    assert.isNotEmpty(spawnSync("find", [join(directory, "turns"), "-name", "config"]).stdout.toString())
    yield* Effect.void.pipe(Effect.provide(layer(settings)))
    assert.isEmpty(spawnSync("find", [join(directory, "turns"), "-name", "config"]).stdout.toString())
  })
)

it.live("a transcript that cannot be stored is a warning, one that can be later is none", () =>
  Effect.gen(function* () {
    const { settings, turn } = yield* bench
    const broken = { ...memoryTranscript(), append: () => Effect.fail(new TranscriptNotStored()) }
    const lost = yield* run(settings, turn(scripted("Say.", { text: "Said." }), { transcript: broken }))
    assert.strictEqual(completed(lost.outcome).result, "Said.")
    assert.deepStrictEqual(
      lost.events.map(({ event }) => event),
      ["init", "message", "warning", "end"]
    )

    const memory = memoryTranscript()
    let failures = 2
    const flaky = {
      ...memory,
      append: (...part: Parameters<typeof memory.append>) =>
        failures-- > 0
          ? Effect.fail(new TranscriptNotStored({ cause: new DbUnavailable({ operation: "append" }) }))
          : memory.append(...part)
    }
    const kept = turn(scripted("My name is Ada.", { text: "Said." }), { transcript: flaky })
    assert.deepStrictEqual(
      (yield* run(settings, kept)).events.map(({ event }) => event),
      ["init", "message", "end"]
    )
    const next = { ...kept, beginning: { _tag: "Resume" } as const, prompt: scripted("Who?", { recall: true }) }
    assert.include(completed((yield* run(settings, next)).outcome).result ?? "", "My name is Ada.")
  })
)

it.live("a reader who is behind holds the agent's output back, and gets all of it", () =>
  Effect.gen(function* () {
    const { settings, turn } = yield* bench
    const agent = yield* start(
      settings,
      turn(scripted("Write.", { text: "0123456789".repeat(2000), chunk: 2 }), {
        options: { include_partial_messages: true }
      })
    )
    yield* Effect.sleep(3000)
    const events = yield* Stream.runCollect(agent.events)
    const text = events
      .map((event) => (event.event === "partial" ? String(event.data.delta?.["text"] ?? "") : ""))
      .join("")
    assert.strictEqual(text, "0123456789".repeat(2000))
  })
)
