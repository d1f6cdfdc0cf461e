import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { KillReport } from "./KillRound.ts"

/** Where a run of the kill rounds leaves what came of it. */
export const roundsFile = join(import.meta.dirname, "../../.cache/kill-rounds.json")

/** What came of several rounds. */
export interface RoundsResult {
  readonly seed: number
  readonly reports: ReadonlyArray<KillReport>
}

/** Writes what came of the rounds so far, for the documentation. */
export const saveRounds = async (result: RoundsResult): Promise<void> => {
  await mkdir(join(roundsFile, ".."), { recursive: true })
  await writeFile(roundsFile, `${JSON.stringify(result, undefined, 2)}\n`)
}
