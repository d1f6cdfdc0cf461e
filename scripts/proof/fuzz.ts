// Requests made from the API's own description, and bytes that are no HTTP.
import type { Findings } from "./Part.ts"
import { table } from "./Page.ts"
import { runTests, type TestRun } from "./TestRun.ts"

const requests = 10_000

const noteIn = (output: string, pattern: RegExp): string => pattern.exec(output)?.[1] ?? "?"

/** What a run of the fuzz tests says. */
export const fuzzFindings = ({ failures, output, passed, total }: TestRun): Findings => {
  const seed = noteIn(output, /^fuzz: \d+ requests, FUZZ_SEED=(\d+)$/m)
  const connections = noteIn(output, /^fuzz: (\d+) connections of junk/m)
  const statuses = [...noteIn(output, /^fuzz: (\d{3}: \d.*)$/m).matchAll(/(\d{3}): (\d+)/g)]
  return {
    commands: [`FUZZ_RUNS=${requests} FUZZ_STARTS=100 FUZZ_SEED=${seed} npx vitest run test/fuzz`],
    failures,
    text: `${passed} of ${total} tests passed. ${requests.toLocaleString("en-US")} requests were made from \`/openapi.json\` (paths, ids, queries, headers and bodies, right and wrong, of six kinds of senders; at most 100 of them may start an agent), and ${connections} connections sent junk. Where the tests passed, no answer was a 500 (503: this service has no model for memories, and says so), each failure had the one error body and one line with its request_id, no line told of a bug, and a run that went on all the while completed.

${table(
  ["status", ...statuses.map(([, status = ""]) => status)],
  [["answers", ...statuses.map(([, , count = ""]) => count)]]
)}`
  }
}

/** Runs the fuzz tests with many requests. */
export const proveFuzz = async (): Promise<Findings> =>
  fuzzFindings(await runTests(["test/fuzz"], { FUZZ_RUNS: String(requests), FUZZ_STARTS: "100" }))
