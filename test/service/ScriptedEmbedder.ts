import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { listAt, textAt } from "./Json.ts"

/** How the endpoint answers. */
export type Manner = "well" | "overloaded" | "never" | "nonsense" | "too few"

/** An embeddings endpoint on loopback that understands a few words. */
export interface ScriptedEmbedder {
  /** What stands before `/embeddings`. */
  readonly url: string
  readonly answer: (manner: Manner) => void
  /** The texts of each request. */
  readonly requests: () => ReadonlyArray<ReadonlyArray<string>>
  readonly stop: () => Promise<void>
}

/** Words that mean nearly the same, and the text that is refused. */
const meanings = [
  ["labrador", "hound"],
  ["feline", "cat"],
  ["automobile", "vehicle"]
]
const unbearable = "unembeddable"
const dimensions = 8

const embed = (input: string): ReadonlyArray<number> => {
  const lower = input.toLowerCase()
  return Array.from({ length: dimensions }, (_, place) =>
    meanings[place]?.some((word) => lower.includes(word)) === true ? 1 : place === dimensions - 1 ? 0.1 : -0.01
  )
}

export const startScriptedEmbedder = async (): Promise<ScriptedEmbedder> => {
  let manner: Manner = "well"
  const requests: Array<ReadonlyArray<string>> = []
  const server = createServer(async (request, response) => {
    const body: unknown = JSON.parse(await text(request))
    const input = listAt(body, "input").map(String)
    requests.push(input)
    const reply = (status: number, answer: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer))
    if (request.url !== "/v1/embeddings" || request.headers.authorization !== "Bearer embedder-key")
      return reply(401, {})
    if (textAt(body, "model") !== "test-embedder") return reply(404, {})
    if (manner === "never") return
    if (manner === "overloaded") return reply(503, {})
    if (manner === "nonsense") return reply(200, { data: "none" })
    if (input.some((one) => one.includes(unbearable))) return reply(400, {})
    const data = input.map((one, index) => ({ index, embedding: embed(one) }))
    return reply(200, { data: manner === "too few" ? data.slice(1) : data.toReversed() })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1/`,
    answer: (next) => (manner = next),
    requests: () => requests,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    }
  }
}
