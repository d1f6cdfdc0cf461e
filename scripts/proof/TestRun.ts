import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
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

/** Runs files of tests, one after the other, so that times are those of a machine with nothing else to do. */
export const runTests = async (
  files: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Promise<TestRun> => {
  const directory = await mkdtemp(join(tmpdir(), "causeway-proof-"))
  const outputFile = join(directory, "report.json")
  try {
    let output = ""
    const child = spawn(
      process.execPath,
      [
        join(root, "node_modules/vitest/vitest.mjs"),
        "run",
        ...files,
        "--maxWorkers=1",
        "--disable-console-intercept",
        "--reporter=verbose",
        "--reporter=json",
        `--outputFile.json=${outputFile}`
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
    const report = Schema.decodeUnknownSync(Report)(JSON.parse(await readFile(outputFile, "utf8")))
    const failures = report.testResults.flatMap(({ assertionResults, message }) => {
      const failed = assertionResults.filter(({ status }) => status === "failed")
      // What fails before the first test of a file, or after its last.
      if (failed.length === 0 && message !== "") return [firstLine(message)]
      return failed.map(({ failureMessages, fullName }) => `${fullName.trim()}: ${firstLine(failureMessages?.[0])}`)
    })
    return { passed: report.numPassedTests, total: report.numTotalTests, failures, output }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
