// Fastify and pg reading a session as Causeway does: by the hash of the caller's key and the session's id.
import fastify, { type FastifyRequest } from "fastify"
import { createHash } from "node:crypto"
import { Pool } from "pg"

const pool = new Pool({ connectionString: process.env["DATABASE_URL"] ?? "", max: 10 })
const server = fastify()

interface Principal {
  readonly tenant_id: string
  readonly scopes: ReadonlyArray<string>
}

const isPrincipal = (row: unknown): row is Principal =>
  typeof row === "object" && row !== null && "tenant_id" in row && "scopes" in row && Array.isArray(row.scopes)

class Refused extends Error {
  readonly statusCode: number

  constructor(statusCode: number) {
    super()
    this.statusCode = statusCode
  }
}

const hashOf = ({ headers }: FastifyRequest<Route>) =>
  createHash("sha256")
    .update(String(headers["x-api-key"] ?? ""))
    .digest("hex")

const findPrincipal = async (hash: string): Promise<Principal> => {
  const { rows } = await pool.query({
    name: "principal",
    text: `SELECT tenant_id, id AS api_key_id, key_hash AS api_key_hash, scopes FROM api_keys
      WHERE key_hash = $1 AND revoked_at IS NULL`,
    values: [hash]
  })
  const [found] = rows
  if (!isPrincipal(found)) throw new Refused(401)
  if (!found.scopes.includes("query")) throw new Refused(403)
  return found
}

const findSession = async (tenant: string, id: string) => {
  const { rows } = await pool.query({
    name: "session",
    text: `SELECT id, status, mode, title, model, tags, metadata, parent_session_id, created_at, updated_at,
      last_message_at, total_turns, total_cost_usd, cost_unknown, transcript_complete
      FROM sessions WHERE id = $1 AND tenant_id = $2`,
    values: [id, tenant]
  })
  const [found] = rows
  if (found === undefined) throw new Refused(404)
  return found
}

/** What has been looked up within the last seconds. */
const remembered = <A>(seconds: number, find: (...keys: ReadonlyArray<string>) => Promise<A>) => {
  const known = new Map<string, { readonly value: A; readonly until: number }>()
  return async (...keys: ReadonlyArray<string>): Promise<A> => {
    const key = keys.join(":")
    const found = known.get(key)
    if (found !== undefined && found.until > Date.now()) return found.value
    const value = await find(...keys)
    known.set(key, { value, until: Date.now() + seconds * 1000 })
    return value
  }
}

const knownPrincipal = remembered(60, (hash = "") => findPrincipal(hash))
const knownSession = remembered(30, (tenant = "", id = "") => findSession(tenant, id))

const options = {
  schema: { params: { type: "object", properties: { id: { type: "string", format: "uuid" } }, required: ["id"] } }
} as const

interface Route {
  readonly Params: { readonly id: string }
}

const reading =
  (principalOf: (hash: string) => Promise<Principal>, sessionOf: (tenant: string, id: string) => Promise<unknown>) =>
  async (request: FastifyRequest<Route>) => {
    const { tenant_id } = await principalOf(hashOf(request))
    return sessionOf(tenant_id, request.params.id)
  }

server.get("/looked-up/:id", options, reading(findPrincipal, findSession))
// What Causeway does for a session that it has not read lately.
server.get("/known-key/:id", options, reading(knownPrincipal, findSession))
server.get("/known/:id", options, reading(knownPrincipal, knownSession))

const address = await server.listen({ host: "127.0.0.1", port: 0 })
process.stdout.write(`listening on ${address}\n`)
process.once("SIGTERM", () => process.exit(0))
