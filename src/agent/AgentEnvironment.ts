import { Redacted } from "effect"
import type { AgentSettings, AgentTurn } from "./AgentRuntime.ts"
import { projectName, type TurnDirectory } from "./TurnDirectory.ts"

/** What of the server's own environment an agent gets: how to find programs, speak, and reach the network. */
const inherited = [
  "PATH",
  "LANG",
  "LC_ALL",
  "TZ",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR"
]

const reserved = /^(ANTHROPIC_|CLAUDE_|NODE_|LD_|DISABLE_|API_TIMEOUT_MS$|PATH$|HOME$|TMPDIR$|IS_SANDBOX$)/

const quiet = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_TELEMETRY: "1",
  DISABLE_ERROR_REPORTING: "1",
  DISABLE_AUTOUPDATER: "1",
  // One prompt, one result: what runs in the background would answer a prompt several times, after its turn.
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
  CLAUDE_CODE_DISABLE_CRON: "1",
  CLAUDE_CODE_DISABLE_WORKFLOWS: "1",
  // The CLI's own memory lies in the configuration directory, which is gone after the turn.
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  CLAUDE_CODE_STARTUP_FAILURE_RESULTS: "1"
}

/** Deltas are sent as they come where they were asked for; else they only show that the model is alive. */
const heldDeltasMillis = "2000"

const only = (source: Readonly<Record<string, string | undefined>>, names: ReadonlyArray<string>) =>
  Object.fromEntries(names.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])))

/** A server that never gets ready must not keep the agent from it. */
const mcpPatience = ({ mcpTimeout, startTimeout }: AgentSettings) => {
  const patience = String(Math.min(mcpTimeout, Math.floor(startTimeout / 2)))
  return { MCP_TIMEOUT: patience, MCP_CONNECT_TIMEOUT_MS: patience }
}

/** The environment of an agent's process. It is built from nothing: what is not named here does not get in. */
export const agentEnvironment = (
  settings: AgentSettings,
  turn: AgentTurn,
  directory: TurnDirectory,
  traceparent?: string
): Record<string, string> => ({
  ...only(
    turn.options.env ?? {},
    settings.environmentAllowed.filter((name) => !reserved.test(name))
  ),
  ...only(process.env, inherited),
  ...quiet,
  HOME: directory.home,
  TMPDIR: directory.temporary,
  CLAUDE_CODE_TMPDIR: directory.temporary,
  CLAUDE_CONFIG_DIR: directory.config,
  CLAUDE_CODE_PROJECT_DIR_NAME: projectName,
  CLAUDE_CODE_MAX_RETRIES: String(settings.modelRetries),
  API_TIMEOUT_MS: String(settings.modelIdleTimeout),
  ...mcpPatience(settings),
  MCP_TOOL_TIMEOUT: String(settings.mcpToolTimeout),
  // The spans of whatever speaks OpenTelemetry in there join the trace of the request.
  ...(traceparent === undefined ? {} : { TRACEPARENT: traceparent }),
  ...(turn.options.include_partial_messages === true ? {} : { CLAUDE_CODE_STREAM_EVENT_HOLD_MS: heldDeltasMillis }),
  // An endpoint of one's own may bring the key itself; the CLI does not start without one.
  ANTHROPIC_API_KEY: settings.apiKey === undefined ? "none" : Redacted.value(settings.apiKey),
  ...(settings.baseUrl === undefined ? {} : { ANTHROPIC_BASE_URL: settings.baseUrl }),
  // As root the CLI bypasses permissions only in what it takes for a sandbox.
  ...(turn.mayBypassPermissions ? { IS_SANDBOX: "1" } : {})
})
