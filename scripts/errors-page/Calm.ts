/** Numbers that depend on the machine, the hour or the length of a path. */
const numbers: Readonly<Record<string, number>> = {
  duration_ms: 1200,
  total_cost_usd: 0.0035,
  input_tokens: 700,
  output_tokens: 10,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  retry_after_seconds: 5
}

const rules: ReadonlyArray<readonly [pattern: RegExp, replacement: string]> = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "2026-01-31T12:00:00.000Z"],
  [/\b[0-9a-f]{64}\b/g, "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"],
  [/\b(127\.0\.0\.1|localhost)(:\d+)?/g, "db.example.com"],
  [/(?<![\w.:])\/(tmp|root|home|var|work|usr|opt)\/[^\s"',;:)]*/g, "/srv/causeway"],
  [/\bin \d+ s\b/g, "in 5 s"],
  // The script of the scripted model, or the beginning of it.
  [/ ?<script>[\s\S]*$/g, ""]
]

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

const requestIdOf = (value: unknown): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  if ("request_id" in value && typeof value.request_id === "string") return value.request_id
  return "error" in value ? requestIdOf(value.error) : undefined
}

/** The same without what differs from run to run: ids, times, hosts, paths and costs have one value always. */
export const calm = (shown: unknown): unknown => {
  const ids = new Map<string, string>()
  const idOf = (id: string): string => {
    const known = ids.get(id) ?? `01990000-0000-7000-8000-${String(ids.size + 1).padStart(12, "0")}`
    ids.set(id, known)
    return known
  }
  const requestId = requestIdOf(shown)
  const textOf = (text: string): string => {
    const named = requestId === undefined ? text : text.replaceAll(requestId, () => idOf(requestId))
    const ided = named.replaceAll(uuid, (id) => ([...ids.values()].includes(id) ? id : idOf(id)))
    return rules.reduce((calmed, [pattern, replacement]) => calmed.replaceAll(pattern, replacement), ided)
  }
  const valueOf = (value: unknown, name: string): unknown => {
    if (typeof value === "string") return textOf(value)
    if (typeof value === "number") return numbers[name] ?? value
    if (Array.isArray(value)) return value.map((item) => valueOf(item, name))
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, valueOf(item, key)]))
  }
  return valueOf(shown, "")
}
