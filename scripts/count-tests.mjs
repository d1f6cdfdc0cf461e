// Usage: node scripts/count-tests.mjs <vitest's JSON report> <exit status of the test command>
// Prints `N passed, N failed` and exits with 1 unless everything ran and passed. Runs on the system's Node.
import { existsSync, readFileSync } from "node:fs"

const [report = "", status = "1"] = process.argv.slice(2)
const files = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")).testResults : []
const statuses = files.flatMap((file) => file.assertionResults.map((test) => test.status))
const passed = statuses.filter((one) => one === "passed").length
const failedTests = statuses.filter((one) => one === "failed").length
const failedFiles = files.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")
).length
const skipped = statuses.length - passed - failedTests
if (skipped > 0) console.error(`${skipped} skipped: a skipped test counts as failed`)

let failed = failedTests + failedFiles + skipped
// The install, the checks or the runner itself failed: one failure, though no test says so.
if (failed === 0 && (status !== "0" || passed === 0)) failed = 1

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
