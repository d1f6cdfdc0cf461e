import { Effect } from "effect"
import type { BegunTurn } from "./AgentRuntime.ts"
import type { LiveAgent } from "./LiveAgent.ts"
import { offeredTools } from "./SdkOptions.ts"
import { callingTools } from "./SuspendedSubagent.ts"

/** How long an agent may take to say what it has: it answers in milliseconds. */
const describedWithinMillis = 2000

const listed = (tool: string): string => (callingTools.includes(tool) ? "Task" : tool)

/** A server's prompt has another name where commands are described than in `init`. */
const commandName = (name: string): string => name.replace(/^(.+):(.+) \(MCP\)$/, "mcp__$1__$2")

/**
 * What an agent's first message would say, put together before: of a turn that goes on with a subagent, it comes only
 * when the subagent is done, and whoever follows the run is not to wait for that. Without servers and commands when the
 * agent does not name them.
 */
export const earlyInit = (turn: BegunTurn, agent: LiveAgent): Effect.Effect<unknown> =>
  Effect.tryPromise(() => agent.equipment()).pipe(
    Effect.timeout(describedWithinMillis),
    Effect.orElseSucceed(() => ({ commands: [], models: [], servers: [] })),
    Effect.map(({ commands, models, servers }) => ({
      session_id: turn.sessionId,
      model: models.find(({ value }) => value === turn.model)?.resolvedModel ?? turn.model,
      permissionMode: turn.permissionMode,
      tools: [
        ...offeredTools(turn).toSorted().map(listed),
        ...servers.flatMap(({ name, tools = [] }) => tools.map((tool) => `mcp__${name}__${tool.name}`)).toSorted()
      ],
      mcp_servers: servers.map(({ name, status }) => ({ name, status })),
      slash_commands: commands.map(({ name }) => commandName(name))
    }))
  )
