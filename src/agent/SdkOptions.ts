import type {
  McpHttpServerConfig,
  McpSSEServerConfig,
  McpStdioServerConfig,
  Options,
  AgentDefinition as SdkAgent
} from "@anthropic-ai/claude-agent-sdk"
import { questionTool } from "../domain/Approval.ts"
import type { AgentDefinition } from "../domain/AgentDefinition.ts"
import type { AgentEquipment, EquippedMcpServer } from "../domain/AgentEquipment.ts"
import type { AgentTurn, BegunTurn } from "./AgentRuntime.ts"
import { hasPlugin, qualified } from "./Plugin.ts"
import { sendingTool } from "./SuspendedSubagent.ts"

/**
 * The tools of a request that names none: files, search, the shell, the web, notes and
 * subagents, which run in the foreground since background tasks are off. What talks to
 * other sessions, schedules, or needs a person is left out.
 */
const defaultTools = [
  "Read",
  "Write",
  "Edit",
  "Glob",
  "Grep",
  "Bash",
  "NotebookEdit",
  "WebFetch",
  "WebSearch",
  "TaskCreate",
  "TaskGet",
  "TaskList",
  "TaskUpdate",
  "Agent"
]

/** `snapshot: false`: otherwise a later turn gets the first turn's prompt from the transcript. */
const systemPrompt = ({ additions, options }: AgentTurn): NonNullable<Options["systemPrompt"]> => {
  const added = [...(options.system_prompt_append === undefined ? [] : [options.system_prompt_append]), ...additions]
  return options.system_prompt === undefined
    ? {
        type: "preset",
        preset: "claude_code",
        snapshot: false,
        ...(added.length === 0 ? {} : { append: added.join("\n\n") })
      }
    : { type: "custom", snapshot: false, prompt: [options.system_prompt, ...added].join("\n\n") }
}

const conversation = ({ beginning, sessionId }: BegunTurn): Partial<Options> => {
  switch (beginning._tag) {
    case "New":
      return { sessionId }
    case "Resume":
      return { resume: sessionId }
    case "Fork":
      return { resume: beginning.from, forkSession: true, sessionId }
  }
}

const thinking = ({ thinking }: AgentTurn["options"]): Partial<Options> => {
  if (thinking === undefined) return {}
  return {
    thinking:
      thinking.type === "enabled" ? { type: "enabled", budgetTokens: thinking.budget_tokens } : { type: thinking.type }
  }
}

const isAsking = ({ options }: AgentTurn): boolean => options.approvals?.mode === "ask"

/** The tools that were asked for, and those without which a part of the equipment could not be used. */
export const offeredTools = (turn: AgentTurn): ReadonlyArray<string> => {
  const { equipment, options } = turn
  const offered = equipment.ownSkills.length + equipment.commands.length
  return [
    ...new Set([
      ...(options.tools ?? [...defaultTools, ...(isAsking(turn) ? [questionTool] : [])]),
      ...(Object.keys(equipment.subagents).length === 0 ? [] : ["Agent"]),
      ...(offered === 0 ? [] : ["Skill"])
    ])
  ]
}

/** What brings a subagent back is there for that one call, and so is never forbidden. */
const tools = (turn: BegunTurn): Array<string> => [
  ...new Set([...offeredTools(turn), ...(turn.suspendedSubagent === null ? [] : [sendingTool])])
]
const disallowedTools = ({ options, suspendedSubagent }: BegunTurn): Array<string> =>
  (options.disallowed_tools ?? []).filter((tool) => suspendedSubagent === null || tool !== sendingTool)

type ServerConfig = McpStdioServerConfig | McpHttpServerConfig | McpSSEServerConfig

/** All tools of a server, as rules about tools name them. */
const toolsOf = (server: string): string => `mcp__${server}`

/** All tools of a server are in the first prompt, so that the agent begins when they are there or have failed. */
const serverConfigs = (servers: ReadonlyArray<EquippedMcpServer>): Record<string, ServerConfig> =>
  Object.fromEntries(
    servers.flatMap(({ connection, name }): Array<[string, ServerConfig]> => {
      if (connection === null) return []
      const { type } = connection
      return type === "stdio"
        ? [[name, { ...connection, type, args: [...connection.args], env: { ...connection.env }, alwaysLoad: true }]]
        : [[name, { ...connection, headers: { ...connection.headers }, alwaysLoad: true }]]
    })
  )

/**
 * A subagent has its caller's servers, whichever it names: those that it does not name are taken from it. Servers that
 * its caller does not have are started for it.
 */
const subagentServers = ({ mcp_servers, tools }: AgentDefinition, equipment: AgentEquipment) => {
  if (mcp_servers == null) return tools == null ? {} : { tools: [...tools] }
  const wanted: ReadonlySet<string> = new Set(mcp_servers)
  const { mcpServers, ownMcpServers } = equipment
  const shared = ownMcpServers.filter((name) => wanted.has(name))
  const unwanted = ownMcpServers.filter((name) => !wanted.has(name))
  const others = serverConfigs(mcpServers.filter(({ name }) => wanted.has(name) && !shared.includes(name)))
  return {
    ...(tools == null ? {} : { tools: [...tools, ...shared.map(toolsOf)] }),
    ...(unwanted.length === 0 ? {} : { disallowedTools: unwanted.map(toolsOf) }),
    ...(Object.keys(others).length === 0 ? {} : { mcpServers: [others] })
  }
}

const agents = ({ equipment }: AgentTurn): Partial<Options> => {
  const subagents = Object.entries(equipment.subagents).map(([name, definition]): [string, SdkAgent] => {
    const { description, model, prompt, skills } = definition
    return [
      name,
      {
        description,
        prompt,
        ...(model == null ? {} : { model }),
        ...(skills == null ? {} : { skills: skills.map(qualified) }),
        ...subagentServers(definition, equipment)
      }
    ]
  })
  return subagents.length === 0 ? {} : { agents: Object.fromEntries(subagents) }
}

/** Which skills the agent is offered: where settings of the workspace count, also those that they bring. */
const skills = ({ equipment, options }: AgentTurn): Partial<Options> => {
  if (!hasPlugin(equipment)) return {}
  if ((options.setting_sources ?? []).length > 0) return { skills: "all" }
  return { skills: [...equipment.ownSkills, ...equipment.commands.map(({ name }) => name)].map(qualified) }
}

/** Over stdin, since others could read a command line. */
const mcpServers = ({ equipment }: AgentTurn): Partial<Options> => {
  const own = serverConfigs(equipment.mcpServers.filter(({ name }) => equipment.ownMcpServers.includes(name)))
  return Object.keys(own).length === 0 ? {} : { mcpServers: own, mcpServersDelivery: "initialize" }
}

const allowedMcpTools = ({ equipment }: AgentTurn): ReadonlyArray<string> =>
  equipment.mcpServers.flatMap(({ allowed_tools, name }) => allowed_tools.map((tool) => `${toolsOf(name)}__${tool}`))

/** What a turn asks of the SDK, without what belongs to this machine: environment, program, store. */
export const sdkOptions = (turn: BegunTurn): Options => {
  const { options } = turn
  return {
    ...conversation(turn),
    cwd: turn.cwd,
    additionalDirectories: [...turn.additionalDirectories],
    model: turn.model,
    systemPrompt: systemPrompt(turn),
    // User text is data: `@path` reads no file and `/command` runs nothing.
    verbatimPrompts: options.expand_prompt !== true,
    tools: tools(turn),
    ...agents(turn),
    ...skills(turn),
    allowedTools: [...(options.allowed_tools ?? []), ...allowedMcpTools(turn)],
    disallowedTools: disallowedTools(turn),
    permissionMode: turn.permissionMode,
    // The mode may be changed while the agent works, but only where this was said at its start.
    allowDangerouslySkipPermissions: turn.mayBypassPermissions,
    // Where nobody is there to be asked, what needs a permission is denied at once.
    permissionPrompts: isAsking(turn) ? "host" : "none",
    settingSources: [...(options.setting_sources ?? [])],
    strictMcpConfig: true,
    ...mcpServers(turn),
    // Always: it is how a model that writes for long shows that it is alive.
    includePartialMessages: true,
    ...(options.max_turns === undefined ? {} : { maxTurns: options.max_turns }),
    ...(options.max_budget_usd === undefined ? {} : { maxBudgetUsd: options.max_budget_usd }),
    ...(options.output_format === undefined
      ? {}
      : { outputFormat: { type: "json_schema", schema: { ...options.output_format.schema } } }),
    ...(options.effort === undefined ? {} : { effort: options.effort }),
    ...thinking(options)
  }
}
