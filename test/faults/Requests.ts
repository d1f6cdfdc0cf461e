import { keepExampleText } from "../service/Examples.ts"
import { small } from "../service/Prompts.ts"
import { operatorKey } from "../service/Service.ts"
import type { Operation } from "./Matrix.ts"
import type { Seen } from "./Observations.ts"
import type { DatabaseRow, Outside } from "./Outside.ts"
import type { Stage, Template } from "./Stage.ts"

/** The operations that are one request; the others are runs that are under way. */
export const requestOperations = [
  "authenticate",
  "create tenant",
  "create key",
  "read session",
  "list",
  "start run",
  "interrupt",
  "resume",
  "fork",
  "delete"
] as const satisfies ReadonlyArray<Operation>
export type RequestOperation = (typeof requestOperations)[number]

/** What makes requests of the same operation different. */
export interface Occasion {
  /** Part of request ids, names and titles. */
  readonly name: string
  /** The session whose run is to be interrupted. */
  readonly live: string
}

interface Request {
  readonly method: string
  readonly path: string
  readonly key: string
  readonly body?: unknown
}

const requestOf = (operation: RequestOperation, { template }: Stage, { live, name }: Occasion): Request => {
  const { doomed, kept, stranger, worker } = template
  switch (operation) {
    case "authenticate":
      return { method: "GET", path: "/sessions?page_size=1", key: stranger }
    case "create tenant":
      return { method: "POST", path: "/tenants", key: operatorKey, body: { name } }
    case "create key":
      return { method: "POST", path: "/api-keys", key: worker, body: { name, scopes: ["query"] } }
    case "read session":
      return { method: "GET", path: `/sessions/${kept}`, key: worker }
    case "list":
      return { method: "GET", path: "/sessions", key: worker }
    case "start run":
      return { method: "POST", path: "/query", key: worker, body: { ...small, prompt: "Begin.", title: name } }
    case "interrupt":
      return { method: "POST", path: `/sessions/${live}/interrupt`, key: worker }
    case "resume":
      return { method: "POST", path: `/sessions/${kept}/resume`, key: worker, body: { ...small, prompt: "Go on." } }
    case "fork":
      return { method: "POST", path: `/sessions/${kept}/fork`, key: worker, body: { ...small, prompt: "Or so." } }
    case "delete":
      return { method: "DELETE", path: `/sessions/${doomed}`, key: worker }
  }
}

/** The status of an operation that succeeds. */
export const successStatus: Readonly<Record<RequestOperation, number>> = {
  authenticate: 200,
  "create tenant": 201,
  "create key": 201,
  "read session": 200,
  list: 200,
  "start run": 200,
  interrupt: 200,
  resume: 200,
  fork: 200,
  delete: 204
}

/** Whether the operation's answer is a stream of a run's events. */
export const startsRun = (operation: RequestOperation): boolean =>
  operation === "start run" || operation === "resume" || operation === "fork"

const slug = (text: string): string => text.replaceAll(/[^a-z]+/g, "-")

/** What is known of the sender and the subject of an operation, as it must stand on the line of its failure. */
export const fieldsOf = (
  operation: RequestOperation,
  template: Template,
  occasion: Occasion
): Readonly<Record<string, unknown>> => {
  const { doomed, kept, tenantId, workerHash } = template
  const worker = { tenant_id: tenantId, api_key_hash: workerHash }
  switch (operation) {
    case "authenticate":
    case "create tenant":
      return {}
    case "create key":
    case "list":
      return worker
    case "read session":
      return { ...worker, session_id: kept }
    case "interrupt":
      return { ...worker, session_id: occasion.live }
    case "delete":
      return { ...worker, session_id: doomed }
    case "start run":
      return { ...worker, prompt_preview: "Begin." }
    case "resume":
      return { ...worker, session_id: kept, prompt_preview: "Go on." }
    case "fork":
      return { ...worker, prompt_preview: "Or so." }
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Sends an operation and reads its answer to the end. The time is that to the head of the answer. */
export const send = async (operation: RequestOperation, stage: Stage, occasion: Occasion): Promise<Seen> => {
  const { body, key, method, path } = requestOf(operation, stage, occasion)
  const requestId = slug(`${occasion.name} ${operation}`)
  const sent = performance.now()
  const response = await fetch(`${stage.service.url}/api/v1${path}`, {
    method,
    headers: {
      "x-api-key": key,
      "x-request-id": requestId,
      ...(body === undefined ? {} : { "content-type": "application/json" })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const millis = performance.now() - sent
  const text = await response.text()
  keepExampleText(text)
  return { requestId, status: response.status, headers: response.headers, text, body: parse(text), millis }
}

/** Rows that operations make, by table. */
export type RowCounts = Readonly<Record<"tenants" | "api_keys" | "sessions" | "runs" | "run_controls", number>>

/** What an operation that is done has added to each table; runs of a deleted session go with it. */
export const rowsMadeBy: Readonly<Record<RequestOperation, Partial<RowCounts>>> = {
  authenticate: {},
  "create tenant": { tenants: 1, api_keys: 1 },
  "create key": { api_keys: 1 },
  "read session": {},
  list: {},
  "start run": { sessions: 1, runs: 1 },
  interrupt: { run_controls: 1 },
  resume: { runs: 1 },
  fork: { sessions: 1, runs: 1 },
  delete: { sessions: -1, runs: -1 }
}

const tables = ["tenants", "api_keys", "sessions", "runs", "run_controls"] as const

/** How many rows there are. */
export const countRows = async (outside: Outside): Promise<RowCounts> => {
  const [row = {}]: ReadonlyArray<DatabaseRow> = await outside.rows(
    `SELECT ${tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`).join(", ")}`
  )
  const countOf = (table: (typeof tables)[number]) => Number(row[table])
  return {
    tenants: countOf("tenants"),
    api_keys: countOf("api_keys"),
    sessions: countOf("sessions"),
    runs: countOf("runs"),
    run_controls: countOf("run_controls")
  }
}

/** Whether what an operation asked for stands in the database. */
export const isStored = async (
  operation: RequestOperation,
  { outside, template }: Stage,
  { live, name }: Occasion
): Promise<boolean> => {
  switch (operation) {
    case "authenticate":
    case "read session":
    case "list":
      return false
    case "create tenant":
      return (
        (await outside.count("tenants JOIN api_keys ON tenant_id = tenants.id WHERE tenants.name = $1", [name])) > 0
      )
    case "create key":
      return (await outside.count("api_keys WHERE name = $1 AND tenant_id = $2", [name, template.tenantId])) > 0
    case "start run":
      return (await outside.count("sessions WHERE title = $1", [name])) > 0
    case "interrupt":
      return (await outside.count("run_controls JOIN runs ON runs.id = run_id WHERE session_id = $1", [live])) > 0
    case "resume":
      return (await outside.count("runs WHERE session_id = $1", [template.kept])) > 1
    case "fork":
      return (await outside.count("sessions WHERE parent_session_id = $1", [template.kept])) > 0
    case "delete":
      return (await outside.count("sessions WHERE id = $1", [template.doomed])) === 0
  }
}
