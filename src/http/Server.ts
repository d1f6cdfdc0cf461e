import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer } from "effect"
import { Digest } from "effect/crypto"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { AgentsHandlers } from "./Agents.ts"
import { AgentSharesHandlers } from "./AgentShares.ts"
import { ApiKeysHandlers } from "./ApiKeys.ts"
import { AuthenticationLayer } from "./Authentication.ts"
import { BoundaryLayer } from "./Boundary.ts"
import { BudgetsHandlers } from "./Budgets.ts"
import { makeServer } from "./Connections.ts"
import { ApprovalsHandlers } from "./Approvals.ts"
import { CheckpointsHandlers } from "./Checkpoints.ts"
import { corsLayer } from "./Cors.ts"
import { DocumentationLayer } from "./Documentation.ts"
import { EdgeLayer } from "./Edge.ts"
import { ErrorsPageLayer } from "./ErrorsPage.ts"
import { HealthHandlers } from "./Health.ts"
import { MemoriesHandlers } from "./Memories.ts"
import { McpServersHandlers } from "./McpServers.ts"
import { McpSharesHandlers } from "./McpShares.ts"
import { metricsLayer } from "./Metrics.ts"
import { OpenStreams } from "./OpenStreams.ts"
import { ProjectsHandlers } from "./Projects.ts"
import { QueryHandlers } from "./Query.ts"
import { requestBodyLayer } from "./RequestBody.ts"
import { routerConfig } from "./Routes.ts"
import { RunsHandlers } from "./Runs.ts"
import type { ServerOptions } from "./ServerOptions.ts"
import { SessionRulesHandlers } from "./SessionRules.ts"
import { SessionsHandlers } from "./Sessions.ts"
import { SkillsHandlers, SlashCommandsHandlers } from "./KeptTexts.ts"
import { TenantsHandlers } from "./Tenants.ts"
import { ToolPresetsHandlers } from "./ToolPresets.ts"
import { WebhooksHandlers } from "./Webhooks.ts"
import { WebSocketHandlers } from "./WebSocket.ts"
import { WebSocketRules } from "./WebSocketRules.ts"
import { WebSocketTicketsHandlers } from "./WebSocketTickets.ts"

const HandlersLayer = Layer.mergeAll(
  QueryHandlers,
  SessionsHandlers,
  RunsHandlers,
  ApprovalsHandlers,
  SessionRulesHandlers,
  CheckpointsHandlers,
  MemoriesHandlers,
  ProjectsHandlers,
  AgentsHandlers,
  AgentSharesHandlers,
  SkillsHandlers,
  SlashCommandsHandlers,
  ToolPresetsHandlers,
  WebSocketHandlers,
  WebSocketTicketsHandlers,
  McpServersHandlers,
  McpSharesHandlers,
  WebhooksHandlers,
  TenantsHandlers,
  BudgetsHandlers,
  ApiKeysHandlers,
  HealthHandlers
)

const routesLayer = (options: ServerOptions) =>
  Layer.mergeAll(HttpApiBuilder.layer(Api), DocumentationLayer, ErrorsPageLayer, metricsLayer(options.metricsKey)).pipe(
    Layer.provide(HandlersLayer),
    Layer.provide([BoundaryLayer, AuthenticationLayer, requestBodyLayer(options.maxBodyBytes)]),
    Layer.provide([
      OpenStreams.layer({
        keepAlive: options.keepAlive ?? 15_000,
        stallTimeout: options.stallTimeout ?? 60_000,
        maxPerTenant: options.maxStreamsPerTenant ?? Number.POSITIVE_INFINITY
      }),
      Layer.succeed(WebSocketRules, { maxFrameBytes: options.maxBodyBytes, origins: options.corsOrigins }),
      Digest.layerWebCrypto
    ]),
    // The first is the outermost.
    Layer.provide(Layer.provideMerge(corsLayer(options.corsOrigins), EdgeLayer))
  )

/** A frame that is a little too long gets a word; of one that is far longer not even the rest is taken in. */
const frameSlack = 64 * 1024

const listening = HttpServer.addressFormattedWith((address) => Effect.logInfo(`listening on ${address}`))

/** How long answers that are under way may take when the server stops; runs have been drained by then. */
const closeGrace = "3 seconds"

/**
 * Answers HTTP: the API, its description, its documentation and its metrics. When it stops, it
 * takes no more connections, and cuts those that are still open after a moment.
 */
export const serverLayer = (options: ServerOptions) =>
  Layer.unwrap(
    Effect.gen(function* () {
      // The routes are there before the port is open: a request that came in between would find nobody.
      const routes = yield* HttpRouter.toHttpEffect(routesLayer(options))
      const server = yield* makeServer(options)
      return Layer.effectDiscard(listening).pipe(
        Layer.provide(HttpServer.serve(routes)),
        Layer.provideMerge(
          NodeHttpServer.layerServer(server, {
            host: options.host,
            port: options.port,
            gracefulShutdownTimeout: closeGrace,
            websocket: { maxPayload: options.maxBodyBytes + frameSlack }
          })
        )
      )
    })
  ).pipe(
    Layer.provide(Layer.succeed(HttpRouter.RouterConfig, routerConfig)),
    Layer.provide(NodeHttpServer.layerHttpServices)
  )
