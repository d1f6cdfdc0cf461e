import { startPostgres } from "../test/launchers/Postgres.ts"
import { largeMemory } from "./memory/Large.ts"

/** How long a search takes among 100,000 memories. */
export const memoryLarge = async (): Promise<void> => {
  const postgres = await startPostgres({ fsync: false })
  try {
    await largeMemory(await postgres.createDatabase())
  } finally {
    await postgres.stop()
  }
}
