import { Schema } from "effect"
import { startProgram } from "./Program.ts"
import { Turn } from "./Turn.ts"

/** The SDK by itself, in a process of its own. */
export interface BareSdk {
  readonly pid: number
  readonly turn: (prompt: string) => Promise<Turn>
  readonly stop: () => Promise<void>
}

const decodeTurn = Schema.decodeUnknownSync(Schema.fromJsonString(Turn))

export const startBareSdk = async (modelUrl: string): Promise<BareSdk> => {
  const program = startProgram("bench/baselines/BareSdk.ts", { MODEL_URL: modelUrl })
  await program.line(/^ready$/)
  return {
    pid: program.pid,
    turn: async (prompt) => {
      program.write(JSON.stringify(prompt))
      const [, turn] = await program.line(/^turn (.*)$/)
      return decodeTurn(turn)
    },
    stop: program.stop
  }
}
