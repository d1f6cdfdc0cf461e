// What an idle stream costs in Node alone: an answer that is begun, gets a comment every 15 s, and never ends.
import { createServer, type ServerResponse } from "node:http"

const streams = new Set<ServerResponse>()

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" })
  response.write("retry: 1000\nid: 0\n\n")
  streams.add(response)
  request.on("close", () => streams.delete(response))
})

setInterval(() => {
  for (const stream of streams) stream.write(":\n\n")
}, 15_000).unref()

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
})
process.once("SIGTERM", () => process.exit(0))
