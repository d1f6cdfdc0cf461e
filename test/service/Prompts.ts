import type { Script } from "../../scripts/scripted-model/Script.ts"

/** A prompt that brings the model's script with it. */
export const scripted = (text: string, ...steps: Script): string => `${text} <script>${JSON.stringify(steps)}</script>`

/** A prompt whose answer stops half-way until the model's gate is opened. */
export const held = (text: string, gate: string): string =>
  scripted(text, { text: "half and half", chunk: 5, hold: gate, after: 1 })

/** A request that costs little: no tools, a short system prompt. */
export const small = { tools: [], system_prompt: "Answer." } as const
