/**
 * A program in the CLI's place, for what the CLI cannot be made to do: the name of the directory in which it is
 * started tells what it does when it is given a prompt.
 */
export const standInText = `import { createInterface } from "node:readline"
const session_id = process.argv.map((word) => /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(word)?.[0]).find(Boolean)
const say = (message) => process.stdout.write(JSON.stringify(message) + "\\n")
const begun = { type: "system", subtype: "init", session_id, model: "m", permissionMode: "default", tools: [], mcp_servers: [], slash_commands: [] }
const usage = { input_tokens: 1, output_tokens: 1, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }
const result = { type: "result", subtype: "success", session_id, is_error: false, result: "Done.", errors: [], num_turns: 1, stop_reason: "end_turn", total_cost_usd: 0.5, usage, modelUsage: {}, permission_denials: [] }
const does = {
  "fills-its-memory": () => {
    say(begun)
    const all = []
    setImmediate(function fill() {
      for (let n = 0; n < 1000; n++) all.push(new Array(1000).fill(n))
      setImmediate(fill)
    })
  },
  "gives-up": () => {
    say(begun)
    say({ ...result, subtype: "error_during_execution", is_error: true, terminal_reason: "turn_setup_failed" })
  },
  "another-session": () => say({ ...begun, session_id: "00000000-0000-4000-8000-000000000000" }),
  "half-an-init": () => {
    say({ type: "system", subtype: "init", session_id })
    say(result)
  },
  "half-a-result": () => {
    say(begun)
    say({ type: "result", subtype: "success", session_id, is_error: false, result: "Done." })
  }
}[process.cwd().split("/").at(-1)]
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { request_id, type } = JSON.parse(line)
    if (type === "control_request") {
      say({ type: "control_response", response: { subtype: "success", request_id, response: {} } })
    } else if (type === "user") does()
  })
  .on("close", () => process.exit(0))
`

/** The directories in which the stand-in is started instead of the CLI. */
export const standInPlaces = ["fills-its-memory", "gives-up", "another-session", "half-an-init", "half-a-result"]
