// The Agent SDK with the options and the environment that Causeway gives it, and nothing around it.
// A line of JSON on the standard input is a prompt; a line on the standard output is its turn.
import { query } from "@anthropic-ai/claude-agent-sdk"
import { Effect, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { agentEnvironment } from "../../src/agent/AgentEnvironment.ts"
import type { AgentSettings, BegunTurn } from "../../src/agent/AgentRuntime.ts"
import { sdkOptions } from "../../src/agent/SdkOptions.ts"
import { noEquipment } from "../../src/domain/AgentEquipment.ts"
import { SessionId } from "../../src/domain/Session.ts"
import { TenantId } from "../../src/domain/Tenant.ts"
import { type Turn, TurnClock } from "../Turn.ts"

const settings: AgentSettings = {
  directory: "",
  apiKey: Redacted.make("none"),
  baseUrl: process.env["MODEL_URL"],
  startTimeout: 30_000,
  modelIdleTimeout: 300_000,
  appendTimeout: 10_000,
  modelRetries: 3,
  mcpTimeout: 5000,
  mcpToolTimeout: 60_000,
  environmentAllowed: [],
  executable: undefined
}

const turnOf = (prompt: string, cwd: string): BegunTurn => ({
  tenantId: TenantId.make(randomUUID()),
  sessionId: SessionId.make(randomUUID()),
  beginning: { _tag: "New" },
  suspendedCall: null,
  suspendedSubagent: null,
  transcript: {
    append: () => Effect.void,
    ofRun: Effect.succeed([]),
    load: () => Effect.succeed([]),
    isTakenBack: Effect.succeed(false),
    subpaths: Effect.succeed([])
  },
  prompt,
  additions: [],
  equipment: noEquipment,
  hooks: [],
  model: "sonnet",
  permissionMode: "default",
  sessionRules: [],
  options: { include_partial_messages: true },
  cwd,
  additionalDirectories: [],
  mayBypassPermissions: false
})

const makeDirectories = async () => {
  const directory = await mkdtemp(join(tmpdir(), "causeway-bench-sdk-"))
  const paths = {
    home: join(directory, "home"),
    config: join(directory, "config"),
    temporary: join(directory, "tmp"),
    plugin: join(directory, "plugin"),
    cwd: join(directory, "workspace")
  }
  for (const path of Object.values(paths)) await mkdir(path)
  return { directory, ...paths }
}

const run = async (prompt: string): Promise<Turn> => {
  const { cwd, directory, ...paths } = await makeDirectories()
  const turn = turnOf(prompt, cwd)
  const options = { ...sdkOptions(turn), env: agentEnvironment(settings, turn, paths) }
  const clock = new TurnClock()
  for await (const message of query({ prompt, options })) {
    if (message.type === "system" && message.subtype === "init") clock.seeInit()
    if (
      message.type === "stream_event" &&
      message.event.type === "content_block_delta" &&
      message.event.delta.type === "text_delta"
    ) {
      clock.seeDelta()
    }
    if (message.type === "result" && message.subtype !== "success")
      throw new Error(`The turn ended: ${message.subtype}`)
  }
  const seen = clock.end()
  await rm(directory, { recursive: true, force: true })
  return seen
}

process.stdout.write("ready\n")
for await (const line of createInterface({ input: process.stdin })) {
  const prompt: unknown = JSON.parse(line)
  process.stdout.write(`turn ${JSON.stringify(await run(String(prompt)))}\n`)
}
