import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** The longest files go first, so that none of them is left alone at the end. A clean clone knows no times of its own. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const isLong = ({ moduleId }: TestSpecification) => /\/test\/(?:faults|cluster)\//.test(moduleId)
    return files.toSorted((one, other) => Number(isLong(other)) - Number(isLong(one)))
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A PostgreSQL for those who ask for it; at the end, a look for secrets in all that services wrote.
    globalSetup: ["test/service/SharedPostgres.ts", "test/service/SuiteSecrets.ts"],
    // Type tests: the compiler runs them, in `npm run check`.
    exclude: ["test/types/**"],
    // Real processes on a busy machine of two cores: a limit is there to end a hang, not to measure.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    allowOnly: false,
    reporters: ["default", ["json", { outputFile: ".cache/tests.json" }]]
  }
})
