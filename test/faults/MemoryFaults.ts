import type { Step } from "../../scripts/scripted-model/Script.ts"
import type { Manner } from "../service/ScriptedEmbedder.ts"

const facts = (...all: ReadonlyArray<Readonly<Record<string, unknown>>>): string => JSON.stringify({ facts: all })

/** The answer of a model that learns one fact. */
export const oneFact = (text: string): string => facts({ text, action: "add", known: null })

/** Ways in which the model that learns fails after a run. */
export const learningFaults: ReadonlyArray<readonly [string, Step]> = [
  ["the model is overloaded", { error: "overloaded" }],
  ["the connection to the model is reset", { fault: "reset" }],
  ["the model says nothing", { fault: "hang_before" }],
  ["the model answers a web page", { fault: "html" }],
  ["the model answers no JSON", { text: "I would rather not." }],
  ["the model answers in another form", { text: facts({ text: 1 }) }],
  ["the model speaks of a memory that it was not shown", { text: facts({ text: "x", action: "update", known: 999 }) }]
]

/** Ways in which the embedder fails in a search. */
export const embedderFaults: ReadonlyArray<readonly [string, Manner]> = [
  ["the embedder is overloaded", "overloaded"],
  ["the embedder says nothing", "never"],
  ["the embedder answers nonsense", "nonsense"],
  ["the embedder answers too few embeddings", "too few"]
]
