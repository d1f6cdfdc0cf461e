import { Result } from "effect"
import type { ValidationIssue } from "./errors/RequestErrors.ts"
import type { McpConfigText, McpConnection, McpSettings, McpTransport } from "./McpServer.ts"
import { knownKeys } from "./KnownKeys.ts"
import { hideInUrl, hideValues, isElsewhere, redacted, restoreValues } from "./Redaction.ts"

const ofPrograms = ["command", "args", "env"] as const
const ofRemotes = ["url", "headers"] as const

const issuesOf = (transport: McpTransport, config: McpConfigText): ReadonlyArray<ValidationIssue> => {
  const [needed, foreign] = transport === "stdio" ? (["command", ofRemotes] as const) : (["url", ofPrograms] as const)
  return [
    ...(config[needed] === undefined ? [{ path: `.${needed}`, message: `is missing: ${transport} needs it` }] : []),
    ...foreign
      .filter((name) => config[name] !== undefined)
      .map((name) => ({ path: `.${name}`, message: `is not for ${transport}` })),
    ...Object.entries(config)
      .filter(([, value]) => JSON.stringify(value).includes(redacted))
      .map(([name]) => ({
        path: `.${name}`,
        message: `holds ${redacted} where a secret belongs that is not known here`
      }))
  ]
}

/** What a client's words come to, or where they do not fit: paths begin with a dot, or are empty for all of it. */
export const settingsOf = (
  transport: McpTransport,
  config: McpConfigText
): Result.Result<McpSettings, ReadonlyArray<ValidationIssue>> => {
  const issues = issuesOf(transport, config)
  if (issues.length > 0) return Result.fail(issues)
  const { allowed_tools = [], args = [], command = "", env = {}, headers = {}, url = "" } = config
  const connection: McpConnection =
    transport === "stdio" ? { type: transport, command, args, env } : { type: transport, url, headers }
  return Result.succeed({ connection, allowed_tools })
}

/** The other way: a stored configuration in a client's words, secrets and all. */
export const configTextOf = ({ allowed_tools, connection }: McpSettings): McpConfigText => {
  const { type: _type, ...fields } = connection
  return { ...fields, allowed_tools }
}

const secretName = /key|token|secret|passw|pwd|auth|cred|signature|\bsig\b/i
const userInUrl = /(\b[a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/gi
const inQuery = /([?&]([^=&\s]+)=)[^&\s]+/g
const scheme = /\b(bearer|basic)\s+\S+/gi

const isSecretFlag = (arg: string | undefined): boolean =>
  arg !== undefined && arg.startsWith("-") && !arg.includes("=") && secretName.test(arg)

/**
 * Arguments may hold what belongs into the environment: `--token x`, `--api-key=x`, `X-Api-Key: x`,
 * `postgres://user:x@host`, or something that looks like a key by itself.
 */
const hideInArgs = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args.map((arg, index) => {
    if (isSecretFlag(args[index - 1])) return redacted
    const [, name = "", separator = ""] = /^([^=:?\s]*)(=|: *)(?!\/\/)/.exec(arg) ?? []
    if (secretName.test(name)) return `${name}${separator}${redacted}`
    return arg
      .replaceAll(userInUrl, `$1${redacted}@`)
      .replaceAll(inQuery, (found: string, start: string, parameter: string) =>
        secretName.test(parameter) ? start + redacted : found
      )
      .replaceAll(scheme, `$1 ${redacted}`)
      .replaceAll(knownKeys, redacted)
  })

/** What may be seen of a server: no value of its environment, headers and query, and no argument that looks secret. */
export const redact = ({ allowed_tools, connection }: McpSettings) => ({
  transport_type: connection.type,
  command: connection.type === "stdio" ? connection.command : null,
  args: connection.type === "stdio" ? hideInArgs(connection.args) : [],
  env: connection.type === "stdio" ? hideValues(connection.env) : {},
  url: connection.type === "stdio" ? null : hideInUrl(connection.url),
  headers: connection.type === "stdio" ? {} : hideValues(connection.headers),
  allowed_tools
})

const hasMoved = (before: McpConfigText, change: McpConfigText): boolean =>
  before.url !== undefined && change.url !== undefined && isElsewhere(before.url, change.url)

/**
 * A change of a server's configuration: what it does not name stays, and so does every secret that it gives back as
 * it was shown. With another transport only what both have stays. A server that moves to another origin takes no
 * secret with it: who may change a server need not know its secrets, and must not have them sent elsewhere.
 */
export const changeConfig = (stored: McpSettings, transport: McpTransport, change: McpConfigText): McpConfigText => {
  const { allowed_tools, connection } = stored
  if (connection.type !== transport && (connection.type === "stdio" || transport === "stdio")) {
    return { allowed_tools, ...change }
  }
  const before = configTextOf(stored)
  const shown = redact(stored)
  if (hasMoved(before, change)) return { ...before, headers: shown.headers, ...change }
  const env = change.env === undefined ? undefined : restoreValues(change.env, before.env ?? {})
  const headers = change.headers === undefined ? undefined : restoreValues(change.headers, before.headers ?? {})
  const args = change.args?.map((arg, index) => (arg === shown.args[index] ? (before.args?.[index] ?? arg) : arg))
  return {
    ...before,
    ...change,
    ...(env === undefined ? {} : { env }),
    ...(headers === undefined ? {} : { headers }),
    ...(args === undefined ? {} : { args }),
    ...(change.url !== undefined && change.url === shown.url && before.url !== undefined ? { url: before.url } : {})
  }
}
