// Usage: npm run proof [-- part …]; without a name, all of them. Writes docs/proof.md.
import { proveAlerts } from "./alerts.ts"
import { proveFaults } from "./faults.ts"
import { proveFuzz } from "./fuzz.ts"
import { proveKills } from "./kills.ts"
import { circumstances, keepSection, writePage } from "./Page.ts"
import type { Findings, ProofPart } from "./Part.ts"

/** In the order of the page. */
const parts: ReadonlyArray<ProofPart> = [
  { name: "faults", title: "The fault matrix", prove: proveFaults },
  { name: "fuzz", title: "Requests that nobody would send", prove: proveFuzz },
  { name: "kills", title: "Instances that are killed", prove: proveKills },
  { name: "alerts", title: "Alerts, with a real Prometheus", prove: proveAlerts }
]

const names = parts.map(({ name }) => name)
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`No such part: ${unknown.join(", ")}. There are: ${names.join(", ")}\n`)
  process.exit(2)
}

const threw = (name: string, cause: unknown): Findings => ({
  commands: [`npm run proof -- ${name}`],
  failures: [`It could not be brought to its end: ${cause instanceof Error ? cause.message : String(cause)}`],
  text: ""
})

for (const { name, prove, title } of parts) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const started = performance.now()
  const found = await prove().catch((cause: unknown) => threw(name, cause))
  keepSection({ name, title, ...circumstances(), seconds: (performance.now() - started) / 1000, ...found })
  if (found.failures.length > 0) process.exitCode = 1
}
writePage(parts)
