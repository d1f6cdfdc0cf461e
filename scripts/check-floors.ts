// The rule of the house: an import goes down, never up, and sideways only within its own folder.
// Usage: node scripts/check-floors.ts [the directory that holds src]
import { readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"

type Floor = {
  /** The folders of src that it may import, besides itself. */
  readonly folders: ReadonlyArray<string> | "all"
  /** The packages and Node modules that it may import. */
  readonly packages: RegExp
}

const pure = /^effect(\/[A-Z]\w*)?$/
const clientSafe = /^effect(\/(http|http-api|schema|encoding)(\/\w+)?|\/[A-Z]\w*)?$/
const effect = /^effect(\/|$)/
// The server that answers HTTP is made with Node's own: its limits and its socket errors are set there.
const effectOnNode = /^((effect|@effect\/platform-node)(\/|$)|node:http$)/
const drivers = /^/

const floors: Record<string, Floor> = {
  "main.ts": { folders: "all", packages: drivers },
  "Configuration.ts": { folders: ["domain"], packages: pure },
  "ProcessMetrics.ts": { folders: [], packages: /^(effect|effect\/[A-Z]\w*|node:perf_hooks)$/ },
  "Tracing.ts": { folders: ["domain"], packages: effect },
  "client.ts": { folders: ["api", "domain"], packages: clientSafe },
  http: { folders: ["api", "services", "domain"], packages: effectOnNode },
  services: { folders: ["storage", "cache", "agent", "outbound", "domain"], packages: effect },
  storage: { folders: ["domain"], packages: drivers },
  cache: { folders: ["domain"], packages: drivers },
  agent: { folders: ["domain"], packages: drivers },
  outbound: { folders: ["domain"], packages: drivers },
  api: { folders: ["domain"], packages: clientSafe },
  domain: { folders: [], packages: pure }
}

/** Modules of effect/http and effect/http-api that only a server needs. */
const serverOnly = /\bHttp(Api(Builder|Scalar|Swagger|Test)|Router|Server\w*|StaticServer|Middleware|Platform)\b/

type Import = { readonly line: number; readonly names: string; readonly from: string }

const importsOf = (source: string): ReadonlyArray<Import> => {
  const lineAt = (index: number) => source.slice(0, index).split("\n").length
  const inComment = (index: number) => /^\s*(\/\/|\/?\*)/.test(source.slice(source.lastIndexOf("\n", index) + 1, index))
  const found: Array<Import> = []
  for (const match of source.matchAll(
    /(?<=^|;)[ \t]*(?:import|export)\b([\w\s{},*$]*\bfrom)?\s*["']([^"'\n]+)["']/gm
  )) {
    found.push({ line: lineAt(match.index), names: match[1] ?? "", from: match[2] ?? "" })
  }
  for (const match of source.matchAll(/\bimport\s*\(\s*(?:(["'`])([^"'`$\n]+)\1)?([^)]*)/g)) {
    if (inComment(match.index)) continue
    found.push({ line: lineAt(match.index), names: "", from: match[2] ?? `(${match[3]})` })
  }
  return found.toSorted((a, b) => a.line - b.line)
}

/** The folder of src in which a path lies, or the file's name if it lies in src itself. */
const placeOf = (path: string) => (path.startsWith("src/") ? (path.split("/")[1] ?? "") : undefined)

const refusal = (path: string, place: string, floor: Floor, { from, names }: Import): string | undefined => {
  if (from.startsWith("(")) return "the module's name must be a literal"
  if (from.startsWith(".")) {
    const target = placeOf(posix.join(posix.dirname(path), from))
    if (floor.folders === "all" || (target === place && target in floors)) return undefined
    return target !== undefined && floor.folders.includes(target)
      ? undefined
      : `${place} may not import ${target ?? "what lies outside src"}`
  }
  if (!floor.packages.test(from)) return `${place} may not import ${from}`
  const serverModule = floor.packages === clientSafe && serverOnly.exec(`${names} ${from}`)?.[0]
  return serverModule ? `${place} may not import ${serverModule}, which is for servers only` : undefined
}

const check = (path: string, source: string): ReadonlyArray<string> => {
  const place = placeOf(path) ?? ""
  const floor = floors[place]
  if (floor === undefined)
    return [`${path}:1 lies on no floor: ${place} is not in the table of scripts/check-floors.ts`]
  return importsOf(source).flatMap((found) => {
    const reason = refusal(path, place, floor, found)
    return reason === undefined ? [] : [`${path}:${found.line} imports ${found.from}: ${reason}`]
  })
}

const root = process.argv[2] ?? "."
const paths = readdirSync(posix.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => /\.[cm]?tsx?$/.test(path))
  .map((path) => `src/${path}`)
  .toSorted()
const refused = paths.flatMap((path) => check(path, readFileSync(posix.join(root, path), "utf8")))
for (const line of refused) console.error(line)
if (refused.length > 0) process.exit(1)
