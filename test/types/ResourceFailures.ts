// What tenants keep: what each service, and each endpoint as its client sees it, can fail with, to the letter.
import type { Effect, Schema } from "effect"
import type { HttpClientError } from "effect/http"
import type * as client from "../../src/client.ts"
import type { Client } from "../../src/client.ts"
import type * as Mcp from "../../src/domain/errors/McpErrors.ts"
import type {
  Forbidden,
  Internal,
  PayloadTooLarge,
  RateLimited,
  Unauthorized,
  UnsupportedMediaType,
  ValidationFailed
} from "../../src/domain/errors/RequestErrors.ts"
import type * as Resource from "../../src/domain/errors/ResourceErrors.ts"
import type { SessionRetrievalFailed } from "../../src/domain/errors/SessionErrors.ts"
import type {
  AlreadyExists,
  DbOperational,
  DbRefused,
  DbUnavailable,
  SecretUnreadable
} from "../../src/domain/errors/StorageErrors.ts"
import type { Agents } from "../../src/services/Agents.ts"
import type { AgentShares } from "../../src/services/AgentShares.ts"
import type { McpInquiries } from "../../src/services/McpInquiries.ts"
import type { McpServers } from "../../src/services/McpServers.ts"
import type { McpShares } from "../../src/services/McpShares.ts"
import type { Projects } from "../../src/services/Projects.ts"
import type { Skills } from "../../src/services/Skills.ts"
import type { SlashCommands } from "../../src/services/SlashCommands.ts"
import type { ToolPresets } from "../../src/services/ToolPresets.ts"
import { type Equal, holds } from "./Equal.ts"

type Fails<Method> = Method extends (...args: never) => Effect.Effect<unknown, infer E, unknown> ? E : never

type Methods<Service> = {
  readonly [Name in keyof Service]: Fails<Service[Name]>
}

type Reading = DbUnavailable | DbOperational | SessionRetrievalFailed
type Writing = DbUnavailable | DbOperational | DbRefused
type Creating = AlreadyExists | Resource.ResourceLimitReached | Writing

/** What is the same for all things under names. */
interface Named<NotFound, Refused = AlreadyExists> {
  readonly create: Refused | Resource.ResourceLimitReached | Writing
  readonly get: NotFound | Reading
  readonly list: Reading
  readonly update: NotFound | Refused | Writing
  readonly delete: NotFound | Writing
  readonly pick: NotFound | Reading
}

interface Texts<NotFound, Readonly> {
  readonly create: Creating
  readonly get: NotFound | Resource.ProjectNotFound | Reading
  readonly list: Resource.ProjectNotFound | Reading
  readonly update: NotFound | Readonly | AlreadyExists | Writing
  readonly delete: NotFound | Readonly | Writing
  readonly available: Resource.ProjectNotFound | Reading
}

interface Shared<NotFound, NotShared> {
  readonly share: NotFound | Writing
  readonly list: NotFound | Reading
  readonly revoke: NotFound | NotShared | Writing
  readonly revokeAll: NotFound | Writing
  readonly find: NotShared | Writing
}

/** The same members, however they are put together. */
type Flat<T> = { readonly [Name in keyof T]: T[Name] }

type OwnAgent = Named<Resource.AgentNotFound, AlreadyExists | Resource.AgentVersionConflict>
type OwnServer = Mcp.McpServerNotFound | Mcp.McpServerReadOnly

holds<
  Equal<Methods<Agents["Service"]>, Flat<OwnAgent & Record<"versions" | "resolve", Resource.AgentNotFound | Reading>>>
>()
holds<
  Equal<
    Methods<AgentShares["Service"]>,
    Flat<
      Shared<Resource.AgentNotFound, Resource.AgentShareNotFound> & {
        readonly copy: Resource.AgentShareNotFound | Resource.AgentVersionConflict | Creating
      }
    >
  >
>()
holds<Equal<Methods<Skills["Service"]>, Flat<Texts<Resource.SkillNotFound, Resource.SkillReadonly>>>>()
holds<
  Equal<Methods<SlashCommands["Service"]>, Flat<Texts<Resource.SlashCommandNotFound, Resource.SlashCommandReadonly>>>
>()
holds<
  Equal<Methods<Projects["Service"]>, Flat<Named<Resource.ProjectNotFound, Resource.ProjectExists | ValidationFailed>>>
>()
holds<
  Equal<Methods<ToolPresets["Service"]>, Flat<Named<Resource.ToolPresetNotFound> & { readonly default: Reading }>>
>()

holds<
  Equal<
    Methods<McpServers["Service"]>,
    {
      readonly list: Mcp.McpListFailed | DbUnavailable | DbOperational
      readonly create: Forbidden | ValidationFailed | Mcp.McpServerExists | Mcp.TooManyMcpServers | Writing
      readonly find: Mcp.McpServerNotFound | Writing
      readonly update: Forbidden | ValidationFailed | OwnServer | SecretUnreadable | Writing
      readonly delete: OwnServer | Writing
      readonly checkOwn: OwnServer
    }
  >
>()
holds<
  Equal<
    Methods<McpInquiries["Service"]>,
    {
      readonly get: Mcp.McpServerNotFound | Writing
      readonly resources: Mcp.McpServerNotFound | Mcp.McpServerFailed | SecretUnreadable | Writing
      readonly read: Mcp.McpServerNotFound | Mcp.McpResourceNotFound | Mcp.McpServerFailed | SecretUnreadable | Writing
    }
  >
>()
holds<Equal<Methods<McpShares["Service"]>, Flat<Shared<OwnServer, Mcp.McpShareNotFound>>>>()

/** What any request to these endpoints can fail with, and what can go wrong on the way to them. */
type Anyhow =
  | Unauthorized
  | Forbidden
  | RateLimited
  | ValidationFailed
  | PayloadTooLarge
  | UnsupportedMediaType
  | Internal
  | Writing
  | HttpClientError.HttpClientError
  | Schema.SchemaError

type Endpoints<Group extends keyof Client["api"]> = {
  readonly [Name in keyof Client["api"][Group]]: Exclude<Fails<Client["api"][Group][Name]>, Anyhow>
}

interface NamedEndpoints<NotFound, Refused = AlreadyExists> {
  readonly create: Refused | Resource.ResourceLimitReached
  readonly get: NotFound | SessionRetrievalFailed
  readonly list: SessionRetrievalFailed
  readonly update: NotFound | Refused
  readonly delete: NotFound
}

interface TextEndpoints<NotFound, Readonly> {
  readonly create: AlreadyExists | Resource.ResourceLimitReached
  readonly get: NotFound | Resource.ProjectNotFound | SessionRetrievalFailed
  readonly list: Resource.ProjectNotFound | SessionRetrievalFailed
  readonly update: NotFound | Readonly | AlreadyExists
  readonly delete: NotFound | Readonly
}

interface ShareEndpoints<NotFound, NotShared> {
  readonly create: NotFound
  readonly list: NotFound | SessionRetrievalFailed
  readonly revoke: NotFound | NotShared
  readonly revokeAll: NotFound
  readonly get: NotShared
}

type NewVersion = AlreadyExists | Resource.AgentVersionConflict

holds<
  Equal<
    Endpoints<"agents">,
    Flat<
      NamedEndpoints<Resource.AgentNotFound, NewVersion> & {
        readonly import: client.DatetimeParse | NewVersion | Resource.ResourceLimitReached
        readonly versions: Resource.AgentNotFound | SessionRetrievalFailed
      }
    >
  >
>()
holds<
  Equal<
    Endpoints<"agentShares">,
    Flat<
      ShareEndpoints<Resource.AgentNotFound, Resource.AgentShareNotFound> & {
        readonly import: Resource.AgentShareNotFound | NewVersion | Resource.ResourceLimitReached
      }
    >
  >
>()
holds<Equal<Endpoints<"skills">, Flat<TextEndpoints<Resource.SkillNotFound, Resource.SkillReadonly>>>>()
holds<
  Equal<Endpoints<"slashCommands">, Flat<TextEndpoints<Resource.SlashCommandNotFound, Resource.SlashCommandReadonly>>>
>()
holds<Equal<Endpoints<"projects">, Flat<NamedEndpoints<Resource.ProjectNotFound, Resource.ProjectExists>>>>()
holds<Equal<Endpoints<"toolPresets">, Flat<NamedEndpoints<Resource.ToolPresetNotFound>>>>()
holds<
  Equal<
    Endpoints<"mcpServers">,
    {
      readonly list: Mcp.McpListFailed
      readonly create: Mcp.McpServerExists | Mcp.TooManyMcpServers
      readonly get: Mcp.McpServerNotFound
      readonly update: OwnServer | SecretUnreadable
      readonly delete: OwnServer
      readonly resources: Mcp.McpServerNotFound | Mcp.McpServerFailed | SecretUnreadable
      readonly resource: Mcp.McpServerNotFound | Mcp.McpResourceNotFound | Mcp.McpServerFailed | SecretUnreadable
    }
  >
>()
holds<Equal<Endpoints<"mcpShares">, Flat<ShareEndpoints<OwnServer, Mcp.McpShareNotFound>>>>()
