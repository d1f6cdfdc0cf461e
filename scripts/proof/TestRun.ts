import { spawn } from "node:child_process"
import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"

const Report = Schema.Struct({
  numPassedTests: Schema.Int,
  numTotalTests: Schema.Int,
  testResults: Schema.Array(
    Schema.Struct({
      message: Schema.String,
      assertionResults: Schema.Array(
        Schema.Struct({
          fullName: Schema.String,
          status: Schema.String,
          failureMessages: Schema.NullOr(Schema.Array(Schema.String))
        })
      )
    })
  )
})

/** What became of some tests. */
export interface TestRun {
  readonly passed: number
  readonly total: number
  /** The names of those that failed, with the first line of why. */
  readonly failures: ReadonlyArray<string>
  /** Everything that was written meanwhile. */
  readonly output: string
}

const root = join(import.meta.dirname, "../..")

const firstLine = (text: string | undefined): string => text?.split("\n")[0] ?? ""

/** Where the tests' configuration has every run leave its report. */
const reportFile = join(root, ".cache/tests.json")

/** What a run has left behind that wrote this. */
export const readRun = async (output: string): Promise<TestRun> => {
  const report = Schema.decodeUnknownSync(Report)(JSON.parse(await readFile(reportFile, "utf8")))
  const failures = report.testResults.flatMap(({ assertionResults, message }) => {
    const failed = assertionResults.filter(({ status }) => status === "failed")
    // What fails before the first test of a file, or after its last.
    if (failed.length === 0 && message !== "") return [firstLine(message)]
    return failed.map(({ failureMessages, fullName }) => `${fullName.trim()}: ${firstLine(failureMessages?.[0])}`)
  })
  return { passed: report.numPassedTests, total: report.numTotalTests, failures, output }
}

/** Runs files of tests, one after the other, so that times are those of a machine with nothing else to do. */
export const runTests = async (
  files: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Promise<TestRun> => {
  let output = ""
  await rm(reportFile, { force: true })
  const child = spawn(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      ...files,
      "--maxWorkers=1",
      "--disable-console-intercept",
      "--reporter=verbose",
      "--reporter=json"
    ],
    { cwd: root, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] }
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text
      process.stdout.write(text)
    })
  }
  await new Promise((resolve) => child.once("close", resolve))
  return readRun(output)
}
