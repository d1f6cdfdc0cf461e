import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { Context, Effect, Layer, Semaphore } from "effect"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { McpResourceNotFound, McpServerFailed } from "../domain/errors/McpErrors.ts"
import type { McpConnection, McpResource, McpResourceContent } from "../domain/McpServer.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { version } from "../domain/Version.ts"
import { findConfinement } from "./Confinement.ts"
import { isFlood, loadMcpSdk, type McpSdk, timedOut, troubleOf } from "./McpSdk.ts"
import { signalTree } from "./ProcessTree.ts"

/** A server that is to be asked for something; one that is reached by HTTP, through the relay. */
export interface McpSubject {
  readonly tenant_id: TenantId
  readonly name: string
  readonly connection: McpConnection
}

/** How servers are asked. */
export interface McpClientSettings {
  /** Tenants' homes, where programs work, live below it. */
  readonly directory: string
  /** For all of a question, in milliseconds. */
  readonly timeout: number
}

/** How many servers are asked at once; the others wait, which is part of their time. */
const mostAtOnce = 8

/** Most resources that are listed. */
const mostResources = 1000

interface Conversation {
  readonly client: Client
  readonly close: () => Promise<void>
}

/** What went wrong on the way, before a question came to nothing. */
interface Trouble {
  first?: unknown
}

const listResources = async ({ client }: Conversation): Promise<ReadonlyArray<McpResource>> => {
  if (client.getServerCapabilities()?.resources === undefined) return []
  const found: Array<McpResource> = []
  let cursor: string | undefined
  do {
    const page = await client.listResources(cursor === undefined ? {} : { cursor })
    for (const { description, mimeType, name, uri } of page.resources) {
      found.push({ uri, name, description: description ?? null, mimeType: mimeType ?? null })
    }
    cursor = page.nextCursor
  } while (cursor !== undefined && found.length < mostResources)
  return found.slice(0, mostResources)
}

const readResource = async ({ client }: Conversation, uri: string): Promise<McpResourceContent | undefined> => {
  if (client.getServerCapabilities()?.resources === undefined) return undefined
  const { contents } = await client.readResource({ uri })
  const content = contents.find((one) => one.uri === uri) ?? contents[0]
  if (content === undefined) return undefined
  return {
    uri: content.uri,
    mimeType: content.mimeType ?? null,
    text: "text" in content ? content.text : null,
    blob: "blob" in content ? content.blob : null
  }
}

/** Speaks to MCP servers itself: each question is a connection, or a program, of its own. */
export class McpClients extends Context.Service<
  McpClients,
  {
    /** Whether a server answers as MCP asks it to. */
    greet(subject: McpSubject): Effect.Effect<void, McpServerFailed>
    resources(subject: McpSubject): Effect.Effect<ReadonlyArray<McpResource>, McpServerFailed>
    read(subject: McpSubject, uri: string): Effect.Effect<McpResourceContent, McpServerFailed | McpResourceNotFound>
  }
>()("causeway/agent/McpClients") {
  static readonly layer = ({ directory, timeout }: McpClientSettings) =>
    Layer.effect(
      McpClients,
      Effect.gen(function* () {
        const confinement = yield* Effect.cached(findConfinement)
        const places = yield* Semaphore.make(mostAtOnce)

        const transportTo = async (sdk: McpSdk, wrap: ReadonlyArray<string>, subject: McpSubject) => {
          const { connection, tenant_id } = subject
          if (connection.type !== "stdio") {
            const url = new URL(connection.url)
            const options = { requestInit: { headers: { ...connection.headers } } }
            const transport: Transport =
              connection.type === "http"
                ? new sdk.StreamableHTTPClientTransport(url, options)
                : new sdk.SSEClientTransport(url, options)
            return { transport, kill: () => {} }
          }
          const home = join(directory, "tenants", tenant_id, "home")
          await mkdir(home, { recursive: true, mode: 0o700 })
          const [command = connection.command, ...args] = [...wrap, connection.command, ...connection.args]
          const transport = new sdk.StdioClientTransport({
            command,
            args,
            env: { HOME: home, ...connection.env },
            cwd: home,
            stderr: "ignore"
          })
          const kill = () => {
            if (transport.pid !== null) signalTree(transport.pid, "SIGKILL")
          }
          return { transport, kill }
        }

        const converse = async (
          sdk: McpSdk,
          wrap: ReadonlyArray<string>,
          subject: McpSubject,
          trouble: Trouble,
          signal: AbortSignal
        ): Promise<Conversation> => {
          const { kill, transport } = await transportTo(sdk, wrap, subject)
          const client = new sdk.Client({ name: "causeway", version })
          const onerror = (error: Error) => {
            trouble.first ??= error
            if (isFlood(error)) kill()
          }
          Object.assign(client, { onerror })
          const close = async () => {
            kill()
            await client.close().catch(() => {})
          }
          signal.addEventListener("abort", () => void close())
          try {
            await client.connect(transport, { timeout: 2 * timeout })
          } catch (cause) {
            await close()
            throw cause
          }
          return { client, close }
        }

        /** Asks a server something, for a limited time; when it answers or fails, nothing of the server is left here. */
        const ask = <A>(subject: McpSubject, question: (conversation: Conversation) => Promise<A>) =>
          Effect.gen(function* () {
            const sdk = yield* loadMcpSdk
            const { wrap } = yield* confinement
            const trouble: Trouble = {}
            const failWith = (last: unknown) => {
              const reason = troubleOf(sdk, subject.connection.type, trouble.first, last)
              return new McpServerFailed({ mcp_server: subject.name, reason, cause: trouble.first ?? last })
            }
            return yield* Effect.acquireUseRelease(
              Effect.interruptible(
                Effect.tryPromise({
                  try: (signal) => converse(sdk, wrap, subject, trouble, signal),
                  catch: failWith
                })
              ),
              (conversation) => Effect.tryPromise({ try: () => question(conversation), catch: failWith }),
              ({ close }) => Effect.promise(close)
            ).pipe(
              places.withPermits(1),
              Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(failWith(timedOut)) })
            )
          })

        return McpClients.of({
          greet: Effect.fn("McpClients.greet")((subject) => ask(subject, async () => {})),
          resources: Effect.fn("McpClients.resources")((subject) => ask(subject, listResources)),
          read: Effect.fn("McpClients.read")(function* (subject, uri) {
            const { name } = subject
            const sdk = yield* loadMcpSdk
            const content = yield* ask(subject, (conversation) =>
              readResource(conversation, uri).catch((cause: unknown) => {
                // What the server itself says of the resource, whatever code it chose, is that it cannot be read.
                if (cause instanceof sdk.McpError && !sdk.ownErrors.has(cause.code)) return undefined
                throw cause
              })
            )
            if (content === undefined) return yield* new McpResourceNotFound({ mcp_server: name, uri })
            return content
          })
        })
      })
    )
}
