import { createHash } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { findScript, isRecord, type Script } from "./Script.ts"

/**
 * - `main`: a turn of the agent
 * - `subagent`: a turn of an agent that the agent started
 * - `title`: naming the session
 * - `summary`: making the conversation shorter
 * - `probe`: is the key valid, does the model exist, what is the quota
 */
export type RequestKind = "main" | "subagent" | "title" | "summary" | "probe"

/** One Messages request, read: whose turn it is, which step of the turn, what was said before. */
export interface Conversation {
  readonly kind: RequestKind
  readonly sessionId: string
  readonly agentId: string
  readonly model: string
  readonly stream: boolean
  readonly system: string
  readonly tools: ReadonlyArray<string>
  /** What users said, oldest first, without scripts and reminders; the last one is the prompt that is being answered. */
  readonly userTexts: ReadonlyArray<string>
  readonly prompt: string
  readonly script: Script | undefined
  /** How many rounds of tools the turn has had. */
  readonly step: number
  readonly toolResults: ReadonlyArray<string>
  /** The same for all requests of one session that answer the same prompt at the same step. */
  readonly key: string
  readonly tokens: { readonly before: number; readonly last: number }
}

interface Message {
  readonly role: string
  readonly content: ReadonlyArray<Record<string, unknown>>
}

/** What the CLI puts around or into the texts of users. */
const INSERTED =
  /<(system-reminder|local-command-caveat|local-command-stdout|local-command-stderr|command-name|command-message|command-args)>[\s\S]*?<\/\1>/g

/** Texts that the CLI writes in the user's name: they continue a turn and do not start one. */
const CONTINUATIONS: ReadonlyArray<RegExp> = [
  /^\[Request interrupted by user[^\]]*\]$/,
  /^Output token limit hit\. Resume directly/,
  /^Your response above was (cut off|stopped)/,
  /^\[structured-output-enforce\]/,
  /^(The coordinator sent a message while you were working:\n)?Continue from where you left off\.(\n|$)/
]

const textOf = (content: unknown): string =>
  typeof content === "string"
    ? content
    : Array.isArray(content)
      ? content.map((block) => (isRecord(block) && typeof block.text === "string" ? block.text : "")).join("\n")
      : ""

const blocksOf = (content: unknown): ReadonlyArray<Record<string, unknown>> =>
  Array.isArray(content) ? content.filter(isRecord) : [{ type: "text", text: textOf(content) }]

const messagesOf = (body: Record<string, unknown>): ReadonlyArray<Message> =>
  Array.isArray(body.messages)
    ? body.messages
        .filter(isRecord)
        .map((message) => ({ role: String(message.role), content: blocksOf(message.content) }))
    : []

const isToolResult = (block: Record<string, unknown>) => block.type === "tool_result"

/** What users wrote in this message. Two turns of which the first has no answer come in one message. */
function userTexts(message: Message): ReadonlyArray<string> {
  if (message.role !== "user") return []
  return message.content
    .filter((block) => block.type === "text" && typeof block.text === "string")
    .map((block) => String(block.text).replaceAll(INSERTED, "").trim())
    .filter((text) => text !== "" && !CONTINUATIONS.some((pattern) => pattern.test(text)))
}

const header = (headers: IncomingHttpHeaders, name: string): string => String(headers[name] ?? "")

function kindOf(body: Record<string, unknown>, agentId: string, system: string, prompt: string): RequestKind {
  if (body.max_tokens === 1) return "probe"
  if (prompt.startsWith("<session>") && /\btitle\b/.test(system)) return "title"
  if (/^CRITICAL: Respond with TEXT ONLY\.[\s\S]*\bsummary\b/.test(prompt)) return "summary"
  return agentId === "" ? "main" : "subagent"
}

const tokensIn = (value: unknown): number => Math.ceil((JSON.stringify(value ?? "") ?? "").length / 4)

export function readConversation(body: Record<string, unknown>, headers: IncomingHttpHeaders): Conversation {
  const messages = messagesOf(body)
  const texts = messages.map(userTexts)
  const promptAt = texts.findLastIndex((said) => said.length > 0)
  const raw = texts.flat().at(-1) ?? ""
  const { script } = findScript(raw)
  const said = texts.flat().map((text) => findScript(text).text || "(only a script)")
  const since = messages.slice(Math.max(promptAt, 0) + 1)
  const step = since.filter((message) => message.role === "user" && message.content.some(isToolResult)).length
  const system = textOf(body.system)
  const sessionId = header(headers, "x-claude-code-session-id")
  const agentId = header(headers, "x-claude-code-agent-id")
  const before = tokensIn(body.system) + tokensIn(body.tools) + tokensIn(messages.slice(0, -1))
  return {
    kind: kindOf(body, agentId, system, raw),
    sessionId,
    agentId,
    model: typeof body.model === "string" ? body.model : "",
    stream: body.stream === true,
    system,
    tools: Array.isArray(body.tools) ? body.tools.filter(isRecord).map((tool) => String(tool.name ?? tool.type)) : [],
    userTexts: said,
    prompt: said.at(-1) ?? "",
    script,
    step,
    toolResults: since.flatMap((message) => message.content.filter(isToolResult).map((block) => textOf(block.content))),
    key: createHash("sha256")
      .update(JSON.stringify([sessionId, agentId, raw, step]))
      .digest("base64url"),
    tokens: { before, last: tokensIn(messages.at(-1)) }
  }
}
