import { Layer } from "effect"
import { Admission } from "./Admission.ts"
import { AgentShares } from "./AgentShares.ts"
import { Agents } from "./Agents.ts"
import { ApiKeys } from "./ApiKeys.ts"
import { Approvals } from "./Approvals.ts"
import { Budgets } from "./Budgets.ts"
import { Checkpoints } from "./Checkpoints.ts"
import { Equipment } from "./Equipment.ts"
import { Executions } from "./Executions.ts"
import { Hooks } from "./Hooks.ts"
import { Leases } from "./Leases.ts"
import * as LostRuns from "./LostRuns.ts"
import { McpInquiries } from "./McpInquiries.ts"
import { McpServers } from "./McpServers.ts"
import { McpShares } from "./McpShares.ts"
import { Memories } from "./Memories.ts"
import * as MemoryEmbeddings from "./MemoryEmbeddings.ts"
import { MemoryJobs } from "./MemoryJobs.ts"
import { MemoryLearning } from "./MemoryLearning.ts"
import { MemoryPreferences } from "./MemoryPreferences.ts"
import { MemoryRecall } from "./MemoryRecall.ts"
import { OpenApprovals } from "./OpenApprovals.ts"
import { Projects } from "./Projects.ts"
import { Readiness } from "./Readiness.ts"
import { RunControls } from "./RunControls.ts"
import { RunLog } from "./RunLog.ts"
import { RunOrders } from "./RunOrders.ts"
import { RunQueue } from "./RunQueue.ts"
import { RunReaders } from "./RunReaders.ts"
import { Runs } from "./Runs.ts"
import { SessionRules } from "./SessionRules.ts"
import { Sessions } from "./Sessions.ts"
import { Skills } from "./Skills.ts"
import { SlashCommands } from "./SlashCommands.ts"
import { Tenants } from "./Tenants.ts"
import { ToolPresets } from "./ToolPresets.ts"
import { Transcripts } from "./Transcripts.ts"
import * as WaitingRuns from "./WaitingRuns.ts"
import { WebSocketTickets } from "./WebSocketTickets.ts"
import { WebhookDeliveries } from "./WebhookDeliveries.ts"
import { Webhooks } from "./Webhooks.ts"

/** What the system does, from the ground up. */
export const layer = Layer.mergeAll(
  Approvals.layer,
  SessionRules.layer,
  Readiness.layer,
  LostRuns.layer,
  WaitingRuns.layer,
  McpInquiries.layer,
  McpShares.layer,
  MemoryEmbeddings.layer
).pipe(
  Layer.provideMerge(Runs.layer),
  Layer.provideMerge(RunQueue.layer),
  Layer.provideMerge(Executions.layer),
  Layer.provideMerge(Layer.merge(MemoryJobs.layer, RunReaders.layer)),
  Layer.provideMerge(
    Layer.mergeAll(
      Checkpoints.layer,
      Equipment.layer,
      Hooks.layer,
      Leases.layer,
      MemoryLearning.layer,
      MemoryRecall.layer,
      OpenApprovals.layer,
      RunControls.layer,
      RunLog.layer,
      RunOrders.layer,
      Transcripts.layer
    )
  ),
  Layer.provideMerge(
    Layer.mergeAll(Layer.provideMerge(AgentShares.layer, Agents.layer), Skills.layer, SlashCommands.layer)
  ),
  Layer.provideMerge(
    Layer.mergeAll(
      Admission.layer,
      ApiKeys.layer,
      Budgets.layer,
      McpServers.layer,
      Memories.layer,
      MemoryPreferences.layer,
      Layer.provideMerge(Projects.layer, Sessions.layer),
      Tenants.layer,
      ToolPresets.layer,
      WebhookDeliveries.layer,
      Webhooks.layer,
      WebSocketTickets.layer
    )
  )
)
