import { Layer } from "effect"
import { AgentRepository } from "./AgentRepository.ts"
import { AgentShareRepository } from "./AgentShareRepository.ts"
import { ApiKeyRepository } from "./ApiKeyRepository.ts"
import { ApprovalRepository } from "./ApprovalRepository.ts"
import { BudgetRepository } from "./BudgetRepository.ts"
import { CheckpointRepository } from "./CheckpointRepository.ts"
import { DatabaseProbe } from "./DatabaseProbe.ts"
import { McpServerRepository } from "./McpServerRepository.ts"
import { McpShareRepository } from "./McpShareRepository.ts"
import { MemoryEmbeddingRepository } from "./MemoryEmbeddingRepository.ts"
import { MemoryIndexRepository } from "./MemoryIndexRepository.ts"
import { MemoryJobRepository } from "./MemoryJobRepository.ts"
import { MemoryRepository } from "./MemoryRepository.ts"
import { MemorySettingsRepository } from "./MemorySettingsRepository.ts"
import { ProjectRepository } from "./ProjectRepository.ts"
import { RetentionRepository } from "./RetentionRepository.ts"
import { RewindRepository } from "./RewindRepository.ts"
import { RunControlRepository } from "./RunControlRepository.ts"
import { RunEventRepository } from "./RunEventRepository.ts"
import { RunQueueRepository } from "./RunQueueRepository.ts"
import { RunReaderRepository } from "./RunReaderRepository.ts"
import { RunRepository } from "./RunRepository.ts"
import { SessionRuleRepository } from "./SessionRuleRepository.ts"
import { SessionRepository } from "./SessionRepository.ts"
import { SkillRepository } from "./SkillRepository.ts"
import { SlashCommandRepository } from "./SlashCommandRepository.ts"
import { TenantRepository } from "./TenantRepository.ts"
import { ToolPresetRepository } from "./ToolPresetRepository.ts"
import { TranscriptRepository } from "./TranscriptRepository.ts"
import { WebSocketTicketRepository } from "./WebSocketTicketRepository.ts"
import { WebhookDeliveryRepository } from "./WebhookDeliveryRepository.ts"
import { WebhookRepository } from "./WebhookRepository.ts"
import { WorkspaceVolumeRepository } from "./WorkspaceVolumeRepository.ts"

/** All of the database, each part of it with its own statements. Over a database that is up to date. */
export const layer = Layer.mergeAll(
  AgentRepository.layer,
  AgentShareRepository.layer,
  ApiKeyRepository.layer,
  ApprovalRepository.layer,
  BudgetRepository.layer,
  CheckpointRepository.layer,
  DatabaseProbe.layer,
  McpServerRepository.layer,
  McpShareRepository.layer,
  MemoryEmbeddingRepository.layer,
  MemoryIndexRepository.layer,
  MemoryJobRepository.layer,
  MemoryRepository.layer,
  MemorySettingsRepository.layer,
  ProjectRepository.layer,
  RetentionRepository.layer,
  RewindRepository.layer,
  RunControlRepository.layer,
  RunEventRepository.layer,
  RunQueueRepository.layer,
  RunReaderRepository.layer,
  RunRepository.layer,
  SessionRepository.layer,
  SessionRuleRepository.layer,
  SkillRepository.layer,
  SlashCommandRepository.layer,
  TenantRepository.layer,
  ToolPresetRepository.layer,
  TranscriptRepository.layer,
  WebSocketTicketRepository.layer,
  WebhookDeliveryRepository.layer,
  WebhookRepository.layer,
  WorkspaceVolumeRepository.layer
)
