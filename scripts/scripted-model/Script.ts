/** What a script may say. A script is a list of steps; step k answers the k-th model request of one agent turn. */

export type StopReason = "end_turn" | "tool_use" | "max_tokens" | "refusal" | "stop_sequence" | "pause_turn"

export type ErrorName =
  | "invalid_request"
  | "billing"
  | "prompt_too_long"
  | "authentication"
  | "permission"
  | "model_not_found"
  | "too_large"
  | "rate_limit"
  | "server_error"
  | "unavailable"
  | "overloaded"

export type Fault =
  | "cut"
  | "end"
  | "bad_json"
  | "error_event"
  | "empty_stream"
  | "no_message_stop"
  | "html"
  | "reset"
  | "hang_before"
  | "hang"

export interface ToolCall {
  readonly name: string
  readonly input?: Readonly<Record<string, unknown>>
  /** Sent instead of `input`, as it is: for tool input that is not JSON. */
  readonly raw_input?: string
  readonly id?: string
}

export interface Usage {
  readonly input_tokens: number
  readonly cache_creation_input_tokens: number
  readonly cache_read_input_tokens: number
  readonly output_tokens: number
}

export interface Step {
  readonly thinking?: string
  readonly text?: string
  /** Answer with all earlier user texts, after this lead-in. */
  readonly recall?: true | string
  readonly tool?: string
  readonly input?: Readonly<Record<string, unknown>>
  readonly raw_input?: string
  readonly tools?: ReadonlyArray<ToolCall>
  /** Send `text` as one delta, this many times. */
  readonly deltas?: number
  readonly usage?: Partial<Usage>

  /** Characters per delta (20). */
  readonly chunk?: number
  /** Milliseconds between two deltas (0). */
  readonly every?: number
  /** Milliseconds before the first byte (0). */
  readonly delay?: number
  /** Wait for this gate to be opened: before the head, or after `after` deltas if that is given. */
  readonly hold?: string

  readonly stop?: StopReason
  readonly error?: ErrorName | number
  readonly message?: string
  /** Seconds, sent as the `retry-after` header of an error. */
  readonly retry_after?: number
  readonly fault?: Fault
  /** The fault comes after this many deltas (1), and so does the hold. */
  readonly after?: number
  /** `error`, `fault` and `stop` happen only this often per session and prompt; then the step is answered as if without. */
  readonly times?: number
  /** `error`, `fault` and `stop` happen only to requests whose model contains this. */
  readonly model?: string

  /** This step answers all further requests of the turn. */
  readonly repeat?: boolean
}

export type Script = ReadonlyArray<Step>

/** A script for the requests that it fits, wherever they come from. Without a condition it fits all. */
export interface Rule {
  readonly kind?: string
  readonly model?: string
  readonly system?: string
  readonly prompt?: string
  readonly steps: Script
}

export interface Behaviour {
  /** First match wins, before anything else. */
  readonly rules?: ReadonlyArray<Rule>
  /** Each main request takes one step from the front, whatever its conversation says. */
  readonly queue?: Script
  /** For prompts that bring no script. */
  readonly default?: Script
}

type Check = (value: unknown) => boolean

const isString: Check = (value) => typeof value === "string"
const isCount: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0
const isPositive: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 1
const isBoolean: Check = (value) => typeof value === "boolean"
const isOneOf =
  (...names: ReadonlyArray<string>): Check =>
  (value) =>
    typeof value === "string" && names.includes(value)

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const toolFields: Record<keyof ToolCall, Check> = {
  name: isString,
  input: isRecord,
  raw_input: isString,
  id: isString
}

const usageFields: Record<keyof Usage, Check> = {
  input_tokens: isCount,
  cache_creation_input_tokens: isCount,
  cache_read_input_tokens: isCount,
  output_tokens: isCount
}

const isErrorName = isOneOf(
  "invalid_request",
  "billing",
  "prompt_too_long",
  "authentication",
  "permission",
  "model_not_found",
  "too_large",
  "rate_limit",
  "server_error",
  "unavailable",
  "overloaded"
)

const stepFields: Record<keyof Step, Check> = {
  thinking: isString,
  text: isString,
  recall: (value) => value === true || isString(value),
  tool: isString,
  input: isRecord,
  raw_input: isString,
  tools: (value) =>
    Array.isArray(value) && value.every((call) => problem(call, toolFields) === undefined && isString(call.name)),
  deltas: isCount,
  usage: (value) => problem(value, usageFields) === undefined,
  chunk: isPositive,
  every: isCount,
  delay: isCount,
  hold: isString,
  stop: isOneOf("end_turn", "tool_use", "max_tokens", "refusal", "stop_sequence", "pause_turn"),
  error: (value) => isErrorName(value) || (typeof value === "number" && value >= 400 && value <= 599),
  message: isString,
  retry_after: isCount,
  fault: isOneOf(
    "cut",
    "end",
    "bad_json",
    "error_event",
    "empty_stream",
    "no_message_stop",
    "html",
    "reset",
    "hang_before",
    "hang"
  ),
  after: isCount,
  times: isPositive,
  model: isString,
  repeat: isBoolean
}

function problem(value: unknown, fields: Record<string, Check>): string | undefined {
  if (!isRecord(value)) return `${JSON.stringify(value)} is not an object`
  for (const [name, content] of Object.entries(value)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (check === undefined) return `there is no field "${name}"`
    if (!check(content)) return `"${name}" cannot be ${JSON.stringify(content)}`
  }
  return undefined
}

const isStep = (value: unknown): value is Step => problem(value, stepFields) === undefined

/** A wrong script is an error that says where. */
export class ScriptError extends Error {
  override readonly name = "ScriptError"
}

export function parseScript(source: unknown): Script {
  return (Array.isArray(source) ? source : [source]).map((step: unknown, index) => {
    if (isStep(step)) return step
    throw new ScriptError(`Step ${index}: ${problem(step, stepFields)}`)
  })
}

function parseRule(source: unknown, index: number): Rule {
  const conditions = { kind: isString, model: isString, system: isString, prompt: isString, steps: () => true }
  const wrong = problem(source, conditions)
  if (wrong !== undefined || !isRecord(source)) throw new ScriptError(`Rule ${index}: ${wrong}`)
  const text = (name: string) => (typeof source[name] === "string" ? { [name]: source[name] } : {})
  return { ...text("kind"), ...text("model"), ...text("system"), ...text("prompt"), steps: parseScript(source.steps) }
}

/** A list of steps (or one step) is the default script. */
export function parseBehaviour(source: unknown): Behaviour {
  const parts = ["rules", "queue", "default"]
  if (!isRecord(source) || !Object.keys(source).every((name) => parts.includes(name))) {
    const steps = parseScript(source)
    return steps.length === 0 ? {} : { default: steps }
  }
  if (source.rules !== undefined && !Array.isArray(source.rules)) throw new ScriptError("rules is not a list")
  return {
    rules: (source.rules ?? []).map(parseRule),
    ...(source.queue === undefined ? {} : { queue: parseScript(source.queue) }),
    ...(source.default === undefined ? {} : { default: parseScript(source.default) })
  }
}

const OPEN = "<script>"
const CLOSE = "</script>"

/** The script in a prompt, and the prompt without it. The text may hold further scripts inside JSON strings. */
export function findScript(prompt: string): { script: Script | undefined; text: string } {
  const start = prompt.indexOf(OPEN)
  if (start < 0) return { script: undefined, text: prompt.trim() }
  let wrong: unknown
  for (let end = prompt.indexOf(CLOSE, start); end >= 0; end = prompt.indexOf(CLOSE, end + 1)) {
    const text = () => `${prompt.slice(0, start)}${prompt.slice(end + CLOSE.length)}`.trim()
    try {
      const source: unknown = JSON.parse(prompt.slice(start + OPEN.length, end))
      return { script: parseScript(source), text: text() }
    } catch (error) {
      wrong = error
      if (error instanceof ScriptError) break
    }
  }
  const reason = wrong instanceof Error ? wrong.message : `${OPEN} is not closed`
  return { script: [{ text: `The script in the prompt is wrong. ${reason}` }], text: prompt.trim() }
}
