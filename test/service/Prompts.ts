import type { Script } from "../../scripts/scripted-model/Script.ts"

/** A prompt that brings the model's script with it. */
export const scripted = (text: string, ...steps: Script): string => `${text} <script>${JSON.stringify(steps)}</script>`
