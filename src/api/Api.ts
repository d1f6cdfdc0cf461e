import { HttpApi, OpenApi } from "effect/http-api"
import { AgentsApi } from "./Agents.ts"
import { AgentSharesApi } from "./AgentShares.ts"
import { ApiKeysApi } from "./ApiKeys.ts"
import { ApprovalsApi } from "./Approvals.ts"
import { Boundary } from "./Boundary.ts"
import { BudgetsApi } from "./Budgets.ts"
import { describe } from "./Description.ts"
import { CheckpointsApi } from "./Checkpoints.ts"
import { HealthApi } from "./Health.ts"
import { MemoriesApi } from "./Memories.ts"
import { McpServersApi } from "./McpServers.ts"
import { McpSharesApi } from "./McpShares.ts"
import { QueryApi } from "./Query.ts"
import { RunsApi } from "./Runs.ts"
import { SessionRulesApi } from "./SessionRules.ts"
import { SessionsApi } from "./Sessions.ts"
import { ProjectsApi } from "./Projects.ts"
import { SkillsApi } from "./Skills.ts"
import { SlashCommandsApi } from "./SlashCommands.ts"
import { ToolPresetsApi } from "./ToolPresets.ts"
import { TenantsApi } from "./Tenants.ts"
import { WebhooksApi } from "./Webhooks.ts"
import { WebSocketApi } from "./WebSocket.ts"
import { WebSocketTicketsApi } from "./WebSocketTickets.ts"

/** The whole native API. Servers implement it, clients are derived from it. */
export class Api extends HttpApi.make("causeway")
  .add(QueryApi)
  .add(SessionsApi)
  .add(RunsApi)
  .add(ApprovalsApi)
  .add(SessionRulesApi)
  .add(CheckpointsApi)
  .add(MemoriesApi)
  .add(ProjectsApi)
  .add(AgentsApi)
  .add(AgentSharesApi)
  .add(SkillsApi)
  .add(SlashCommandsApi)
  .add(ToolPresetsApi)
  .add(WebSocketApi)
  .add(WebSocketTicketsApi)
  .add(McpServersApi)
  .add(McpSharesApi)
  .add(WebhooksApi)
  .add(TenantsApi)
  .add(BudgetsApi)
  .add(ApiKeysApi)
  .add(HealthApi)
  .middleware(Boundary)
  .annotate(HttpApi.ParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotate(HttpApi.HeadersParseOptions, { errors: "all" })
  // Clients let pass what newer servers say beside what they know.
  .annotate(HttpApi.SuccessParseOptions, {})
  .annotate(HttpApi.ErrorParseOptions, {})
  .annotateMerge(
    OpenApi.annotations({
      title: "Causeway",
      version: "0.1.0",
      description: "A self-hosted HTTP service for Claude agents.",
      license: { name: "MIT", identifier: "MIT" },
      servers: [{ url: "/", description: "This installation" }],
      transform: describe
    })
  ) {}
