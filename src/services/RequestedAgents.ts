import { Effect, Schema } from "effect"
import type { AgentDefinition } from "../domain/AgentDefinition.ts"
import { AgentReference, type Subagents } from "../domain/AgentReference.ts"
import type { Principal } from "../domain/ApiKey.ts"
import type { RunOptions } from "../domain/RunOptions.ts"
import { Agents } from "./Agents.ts"

/** What a request comes to when its agents are put in the place of their names. */
export interface RequestedAgents {
  /** What the request asks for, and what its leading agent says where the request says nothing. */
  readonly options: Omit<RunOptions, "agent" | "agents">
  /** The MCP servers that the leading agent names; null when it names none. */
  readonly mcpServers: ReadonlyArray<string> | null
  readonly subagents: Readonly<Record<string, AgentDefinition>>
}

const isReference = Schema.is(AgentReference)

const isList = (agents: Subagents): agents is ReadonlyArray<string> => Array.isArray(agents)

/** Makes what finds the agents of a request: the one that leads, and those that it can have work done by. */
export const makeRequestedAgents = Effect.map(Agents, (agents) => {
  const leader = Effect.fnUntraced(function* (principal: Principal, { agent, ...asked }: Omit<RunOptions, "agents">) {
    if (agent === undefined) return { options: asked, mcpServers: null }
    const { mcp_servers, model, prompt, skills, tools } = (yield* agents.resolve(principal, agent)).definition
    const options = {
      system_prompt: prompt,
      ...(model == null || model === "inherit" ? {} : { model }),
      ...(tools == null ? {} : { tools }),
      ...(skills == null ? {} : { skills }),
      ...asked
    }
    return { options, mcpServers: mcp_servers ?? null }
  })

  const subagentsOf = Effect.fnUntraced(function* (principal: Principal, asked: Subagents) {
    const definitions: Record<string, AgentDefinition> = {}
    if (isList(asked)) {
      for (const reference of asked) {
        const { definition, name } = yield* agents.resolve(principal, reference)
        definitions[name] = definition
      }
      return definitions
    }
    for (const [name, agent] of Object.entries(asked)) {
      definitions[name] = isReference(agent) ? (yield* agents.resolve(principal, agent)).definition : agent
    }
    return definitions
  })

  return Effect.fn("RequestedAgents.find")(function* (
    principal: Principal,
    { agents: asked = {}, ...options }: RunOptions
  ) {
    const led = yield* leader(principal, options)
    const found: RequestedAgents = { ...led, subagents: yield* subagentsOf(principal, asked) }
    return found
  })
})
