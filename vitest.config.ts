import { defineConfig } from "vitest/config"

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
    allowOnly: false,
    reporters: ["default", ["json", { outputFile: ".cache/tests.json" }]]
  }
})
