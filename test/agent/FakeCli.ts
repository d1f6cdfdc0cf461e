import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/**
 * A program in the CLI's place that answers the SDK's first request and then says the
 * given lines. It stands in where the real CLI cannot be made to misbehave.
 */
export const fakeCli = (directory: string, lines: ReadonlyArray<unknown>, then: "wait" | number = "wait"): string => {
  const path = join(directory, "fake-cli")
  const said = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
  writeFileSync(
    path,
    `#!${process.execPath}
const lines = ${JSON.stringify(said)}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line)
  if (message.type === "control_request") {
    const response = { subtype: "success", request_id: message.request_id, response: {} }
    console.log(JSON.stringify({ type: "control_response", response }))
  }
  if (message.type !== "user") return
  for (const line of lines) console.log(line)
  ${then === "wait" ? "" : `setTimeout(() => process.exit(${then}), 50)`}
}).on("close", () => process.exit(0))
`
  )
  chmodSync(path, 0o755)
  return path
}
