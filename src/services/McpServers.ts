import { Context, Effect, Layer, Result, type Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Principal } from "../domain/ApiKey.ts"
import {
  type McpListFailed,
  type McpServerExists,
  McpServerNotFound,
  McpServerReadOnly,
  type TooManyMcpServers
} from "../domain/errors/McpErrors.ts"
import { Forbidden, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { DatabaseFailure, DbOperational, DbUnavailable, SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { changeConfig, settingsOf } from "../domain/McpConfig.ts"
import {
  type McpConfigText,
  type McpServer,
  McpServerId,
  type McpServerName,
  type McpSettings,
  type McpTransport
} from "../domain/McpServer.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { Settings } from "../domain/Settings.ts"
import { McpServerRepository } from "../storage/McpServerRepository.ts"
import { InstalledMcpServers } from "../storage/McpServersFile.ts"
import { listed } from "./McpEquipment.ts"
import { installedName, isInstalled, viewOfInstalled, viewOfStored } from "./McpServerViews.ts"

/** What a client writes of a server. */
export interface McpServerText extends McpConfigText {
  readonly metadata?: Readonly<Record<string, Schema.Json>>
}

/** A server as it is seen, with what it takes to reach it. */
export interface KnownMcpServer {
  readonly view: McpServer
  readonly settings: Result.Result<McpSettings, SecretUnreadable>
  /** Whether it is the operator's own, so that its address may be any. */
  readonly trusted: boolean
}

/** MCP servers of a tenant, and of the installation, as their users know them. */
export class McpServers extends Context.Service<
  McpServers,
  {
    /** The tenant's newest first, from after `position`; the installation's come with the first page, before them. */
    list(
      principal: Principal,
      sources: { readonly filesystem: boolean; readonly database: boolean },
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<McpServer>, McpListFailed | DbUnavailable | DbOperational>
    create(
      principal: Principal,
      name: McpServerName,
      transport: McpTransport,
      text: McpServerText
    ): Effect.Effect<McpServer, Forbidden | ValidationFailed | McpServerExists | TooManyMcpServers | DatabaseFailure>
    find(principal: Principal, name: string): Effect.Effect<KnownMcpServer, McpServerNotFound | DatabaseFailure>
    /** What is not named stays as it is. */
    update(
      principal: Principal,
      name: string,
      transport: McpTransport | undefined,
      text: McpServerText
    ): Effect.Effect<
      McpServer,
      Forbidden | ValidationFailed | McpServerNotFound | McpServerReadOnly | SecretUnreadable | DatabaseFailure
    >
    delete(
      principal: Principal,
      name: string
    ): Effect.Effect<void, McpServerNotFound | McpServerReadOnly | DatabaseFailure>
    /** Fails unless a server of this name would be the tenant's own. */
    checkOwn(name: string): Effect.Effect<void, McpServerNotFound | McpServerReadOnly>
  }
>()("causeway/services/McpServers") {
  static readonly layer = Layer.effect(
    McpServers,
    Effect.gen(function* () {
      const { maxMcpServers } = yield* Settings
      const repository = yield* McpServerRepository
      const installed = yield* InstalledMcpServers
      const random = yield* SecureRandom.SecureRandom

      const checkOwn = Effect.fn("McpServers.checkOwn")(function* (name: string) {
        if (!isInstalled(name)) return
        if (installed.some((server) => installedName(server) === name))
          return yield* new McpServerReadOnly({ mcp_server: name })
        return yield* new McpServerNotFound({ mcp_server: name })
      })

      const ofTenant = Effect.fnUntraced(function* (principal: Principal, name: string) {
        const found = yield* repository.find(principal.tenant_id, name)
        return yield* Effect.mapError(Effect.fromOption(found), () => new McpServerNotFound({ mcp_server: name }))
      })

      /** What a configuration comes to, if it fits and the key may write it. */
      const accept = Effect.fnUntraced(function* (
        principal: Principal,
        transport: McpTransport,
        config: McpConfigText
      ) {
        const settings = settingsOf(transport, config)
        if (Result.isFailure(settings)) {
          const issues = settings.failure.map(({ message, path }) => ({ path: `body.config${path}`, message }))
          return yield* new ValidationFailed({ issues })
        }
        if (transport === "stdio" && !principal.has("mcp_stdio")) return yield* new Forbidden({ scope: "mcp_stdio" })
        return settings.success
      })

      const list = Effect.fn("McpServers.list")(function* (
        principal: Principal,
        { database, filesystem }: { readonly filesystem: boolean; readonly database: boolean },
        position: PagePosition | null,
        size: number
      ) {
        const ours = filesystem && position === null ? installed.map(viewOfInstalled) : []
        if (!database) return { items: ours, next: null }
        const { items, next } = yield* listed(repository.list(principal.tenant_id, position, size))
        return { items: [...ours, ...(yield* Effect.forEach(items, viewOfStored))], next }
      })

      const create = Effect.fn("McpServers.create")(function* (
        principal: Principal,
        name: McpServerName,
        transport: McpTransport,
        { enabled = true, metadata = {}, ...config }: McpServerText
      ) {
        const settings = yield* accept(principal, transport, config)
        const id = McpServerId.make(yield* random.uuidV7())
        const content = { settings, enabled, metadata }
        return yield* viewOfStored(yield* repository.create(principal.tenant_id, id, name, content, maxMcpServers))
      })

      const find = Effect.fn("McpServers.find")(function* (principal: Principal, name: string) {
        if (!isInstalled(name)) {
          const stored = yield* ofTenant(principal, name)
          return { view: yield* viewOfStored(stored), settings: stored.settings, trusted: false }
        }
        const server = installed.find((one) => installedName(one) === name)
        if (server === undefined) return yield* new McpServerNotFound({ mcp_server: name })
        return { view: viewOfInstalled(server), settings: Result.succeed(server.settings), trusted: true }
      })

      const update = Effect.fn("McpServers.update")(function* (
        principal: Principal,
        name: string,
        asked: McpTransport | undefined,
        { enabled, metadata, ...change }: McpServerText
      ) {
        yield* checkOwn(name)
        const stored = yield* ofTenant(principal, name)
        const before = yield* Effect.fromResult(stored.settings)
        const transport = asked ?? before.connection.type
        const settings = yield* accept(principal, transport, changeConfig(before, transport, change))
        const content = {
          settings,
          enabled: enabled ?? stored.enabled,
          metadata: metadata ?? stored.metadata
        }
        return yield* viewOfStored(yield* repository.update(principal.tenant_id, stored, content))
      })

      const remove = Effect.fn("McpServers.delete")(function* (principal: Principal, name: string) {
        yield* checkOwn(name)
        if (!(yield* repository.delete(principal.tenant_id, name)))
          return yield* new McpServerNotFound({ mcp_server: name })
      })

      return McpServers.of({ list, create, find, update, delete: remove, checkOwn })
    })
  )
}
