import type { Step } from "../../scripts/scripted-model/Script.ts"
import type { ErrorId } from "./Matrix.ts"
import { standInPlaces } from "./StandIn.ts"

/** A way in which an agent fails, and what must be seen of it. */
export interface AgentFault {
  readonly name: string
  readonly error_id: ErrorId
  /** Of the single answer, and of the stream where it has not begun. */
  readonly status: number
  /** An event after `init`, or the status of the request before it. */
  readonly seen: "event" | "status"
  /** Whether the agent could still say what it had done and spent. */
  readonly result: boolean
  /** Whether it takes a limit's whole time: then both forms are asked for at once, each in a session of its own. */
  readonly waits?: true
  /** Whether a program stands in for the CLI, which keeps no conversation that could go on. */
  readonly standIn?: true
  /** What the model does. */
  readonly steps: ReadonlyArray<Step>
  readonly options?: Readonly<Record<string, unknown>>
  /** The workspace, whose name tells the program in the CLI's place what to do. */
  readonly cwd?: string
}

const model = (
  name: string,
  error_id: ErrorId,
  status: number,
  step: Step,
  more: Partial<AgentFault> = {}
): AgentFault => ({ name, error_id, status, seen: "event", result: true, steps: [{ ...step, repeat: true }], ...more })

const start = (name: string, error_id: ErrorId, status: number, cwd: string): AgentFault => ({
  name,
  error_id,
  status,
  seen: "status",
  result: false,
  steps: [],
  cwd
})

const working: Step = { tool: "Glob", input: { pattern: "*" }, usage: { input_tokens: 1000, output_tokens: 100 } }
const globbing = { tools: ["Glob"], allowed_tools: ["Glob"] }
const bash = { tools: ["Bash"], allowed_tools: ["Bash"] }

/** Agents that fail, by what is wrong with them. Those that are waited for come first: the others go on beside them. */
export const agentFaults: ReadonlyArray<AgentFault> = [
  model("RUN_TIMEOUT", "ERR_RUN_TIMED_OUT", 504, { text: "word ".repeat(400), chunk: 5, every: 300 }, { waits: true }),
  { ...start("a program that says nothing", "ERR_AGENT_START_TIMED_OUT", 504, "says-nothing"), waits: true },
  { ...start("a program that says nonsense", "ERR_AGENT_PROTOCOL_BROKEN", 502, "babbles"), waits: true },
  model("silence before the answer", "ERR_MODEL_SILENT", 504, { fault: "hang_before" }, { waits: true }),
  model(
    "silence in the answer",
    "ERR_MODEL_SILENT",
    504,
    { text: "one two three", chunk: 1, fault: "hang", after: 4 },
    { waits: true }
  ),
  start("a program that refuses to start", "ERR_AGENT_START_FAILED", 500, "refuses"),
  model(
    "killed in mid-run",
    "ERR_AGENT_KILLED",
    502,
    { tool: "Bash", input: { command: "kill -KILL $PPID; sleep 60" } },
    { result: false, options: bash }
  ),
  model(
    "exit in mid-run",
    "ERR_AGENT_EXITED",
    502,
    { tool: "Bash", input: { command: "touch stop; sleep 60" } },
    { result: false, options: bash, cwd: "exits" }
  ),
  {
    ...model("a heap that is full", "ERR_AGENT_OUT_OF_MEMORY", 503, {}, { result: false, cwd: "fills-its-memory" }),
    standIn: true
  },
  { ...start("a program on another session", "ERR_UUID_TYPE_ERROR", 500, "another-session"), standIn: true },
  { ...model("a reason of its own", "ERR_AGENT_TURN_FAILED", 502, {}, { cwd: "gives-up" }), standIn: true },
  model("the model's 401", "ERR_MODEL_UNAUTHORIZED", 502, { error: "authentication" }),
  model("the model's 403", "ERR_MODEL_FORBIDDEN", 502, { error: "permission" }),
  model("the model's 404", "ERR_MODEL_NOT_FOUND", 502, { error: "model_not_found" }),
  model("the model's 400", "ERR_MODEL_REQUEST_REJECTED", 502, { error: "invalid_request" }),
  model("no money", "ERR_MODEL_BILLING_FAILED", 502, { error: "billing" }),
  model("a prompt too long", "ERR_PROMPT_TOO_LONG", 502, { error: "prompt_too_long" }),
  model("the model's 413", "ERR_MODEL_REQUEST_TOO_LARGE", 502, { error: "too_large" }),
  model("the model's 429", "ERR_MODEL_RATE_LIMITED", 503, { error: "rate_limit" }),
  model("the model's 500", "ERR_MODEL_SERVER_FAILED", 502, { error: "server_error" }),
  model("the model's 529", "ERR_MODEL_OVERLOADED", 503, { error: "overloaded" }),
  model("a connection that is reset", "ERR_MODEL_UNREACHABLE", 502, { fault: "reset" }),
  model("a stream that is cut", "ERR_MODEL_STREAM_CUT", 502, { text: "one two three", fault: "error_event", after: 1 }),
  model("an answer that is none", "ERR_MODEL_RESPONSE_INVALID", 502, { fault: "html" }),
  model("a refusal", "ERR_MODEL_REFUSED", 422, { text: "No.", stop: "refusal" }),
  model("the model's output limit", "ERR_MAX_TOKENS_REACHED", 422, { text: "And so", stop: "max_tokens" }),
  model("max_turns", "ERR_MAX_TURNS_REACHED", 422, working, { options: { ...globbing, max_turns: 1 } }),
  model("max_budget_usd", "ERR_BUDGET_REACHED", 422, working, { options: { ...globbing, max_budget_usd: 0.001 } })
]

/** The program in the CLI's place: the name of the directory in which it is started tells it what to do. */
export const programText = (cli: string, standIn: string): string => `#!/bin/sh
case "\${PWD##*/}" in
  ${standInPlaces.join("|")}) exec "${process.execPath}" --max-old-space-size=16 "${standIn}" "$@" ;;
  refuses) exit 1 ;;
  says-nothing) exec sleep 600 ;;
  babbles) echo Welcome; exec sleep 600 ;;
  exits)
    exec 3<&0
    "${cli}" "$@" <&3 3<&- &
    child=$!
    while kill -0 $child 2>/dev/null; do
      if [ -e stop ]; then
        rm stop
        kill -KILL $child
        exit 3
      fi
      sleep 0.1
    done
    wait $child
    exit $? ;;
esac
exec "${cli}" "$@"
`
