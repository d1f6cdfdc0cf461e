// A thread that compares texts, one pair after the other, so that the service goes on answering meanwhile.
import { parentPort } from "node:worker_threads"
import { type Comparison, makePatch } from "./Patch.ts"

parentPort?.on("message", (comparison: Comparison) => parentPort?.postMessage(makePatch(comparison)))
