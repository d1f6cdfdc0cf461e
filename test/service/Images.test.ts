import { createHash } from "node:crypto"
import { createServer, type Server } from "node:http"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { at, listAt } from "./Json.ts"
import { small } from "./Prompts.ts"
import type { Answer } from "./Service.ts"
import { useService } from "./UseService.ts"

const setting = useService({ env: { OUTBOUND_ALLOW: "127.0.0.1", MAX_IMAGES: "3", MAX_IMAGE_BYTES: "2000" } })

/** One red pixel. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64"
)
const gif = Buffer.from("R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==", "base64")
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")

let web: Server
let base: string
let fetched = 0

beforeAll(async () => {
  web = createServer((request, response) => {
    fetched += 1
    switch (request.url) {
      case "/image.gif":
        return response.writeHead(200, { "content-type": "text/plain" }).end(gif)
      case "/moved":
        return response.writeHead(302, { location: "/image.gif" }).end()
      case "/inside":
        return response.writeHead(302, { location: "http://127.0.0.2:1/image.gif" }).end()
      case "/around":
        return response.writeHead(302, { location: "/around" }).end()
      case "/large":
        response.writeHead(200)
        response.write(png)
        return response.end(Buffer.alloc(100_000))
      case "/page":
        return response.end("<html></html>")
      default:
        return response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve))
  const address = web.address()
  base = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
})

afterAll(() => {
  web.close()
  web.closeAllConnections()
})

const ask = (images: ReadonlyArray<unknown>): Promise<Answer> =>
  setting().service.request("POST", "/api/v1/query/single", { body: { ...small, prompt: "What is it?", images } })

const url = (path: string) => ({ type: "url", data: base + path })
const base64 = (bytes: Buffer) => ({ type: "base64", data: bytes.toString("base64") })

describe("images of a request", () => {
  it("are shown to the model, in base64 and by their URLs, and to readers by what they are", async () => {
    const { model, service } = setting()
    const stream = await service.stream("POST", "/api/v1/query", {
      body: {
        ...small,
        prompt: "What is it?",
        images: [{ media_type: "image/png", data: png.toString("base64") }, url("/image.gif"), url("/moved")]
      }
    })
    await stream.finished()
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
    const [request] = model.requests().filter(({ sessionId }) => sessionId === stream.sessionId)
    const messages = listAt(request?.body, "messages")
    const shown = messages
      .flatMap((message) => (Array.isArray(at(message, "content")) ? listAt(message, "content") : []))
      .filter((block) => at(block, "type") === "image")
      .map((block) => [at(block, "source.media_type"), at(block, "source.data")])
    const asGif = ["image/gif", gif.toString("base64")]
    assert.deepEqual(shown, [["image/png", png.toString("base64")], asGif, asGif])
    const [prompt] = stream.all("message")
    assert.deepEqual(at(prompt?.data, "content"), [
      { type: "image", media_type: "image/png", size_bytes: png.length, sha256: sha256(png), url: null },
      { type: "image", media_type: "image/gif", size_bytes: gif.length, sha256: sha256(gif), url: `${base}/image.gif` },
      { type: "image", media_type: "image/gif", size_bytes: gif.length, sha256: sha256(gif), url: `${base}/moved` },
      { type: "text", text: "What is it?" }
    ])
  })

  it.each<readonly [string, () => ReadonlyArray<unknown>, number, string, Readonly<Record<string, unknown>>]>([
    ["too many", () => Array.from({ length: 4 }, () => base64(png)), 422, "TOO_MANY_IMAGES", { limit: 3 }],
    [
      "too large",
      () => [base64(png), base64(Buffer.concat([png, Buffer.alloc(2000)]))],
      413,
      "IMAGE_TOO_LARGE",
      { index: 1 }
    ],
    ["too large where they are", () => [url("/large")], 413, "IMAGE_TOO_LARGE", { limit_bytes: 2000 }],
    ["no images", () => [base64(Buffer.from("hello"))], 422, "IMAGE_UNUSABLE", { reason: "not_an_image" }],
    ["no images where they are", () => [url("/page")], 422, "IMAGE_UNUSABLE", { reason: "not_an_image" }],
    ["no base64", () => [{ data: "%%%" }], 422, "IMAGE_UNUSABLE", { reason: "not_base64" }],
    [
      "something else",
      () => [{ ...base64(png), media_type: "image/gif" }],
      422,
      "IMAGE_UNUSABLE",
      { reason: "other_type" }
    ],
    ["no URL", () => [{ type: "url", data: "nowhere" }], 422, "IMAGE_UNUSABLE", { reason: "not_a_url" }],
    ["a file", () => [{ type: "url", data: "file:///etc/passwd" }], 422, "URL_REFUSED", {}],
    ["local", () => [{ type: "url", data: "http://[::1]/image.gif" }], 422, "URL_REFUSED", { host: "::1" }],
    ["moved inside", () => [url("/inside")], 422, "URL_REFUSED", { host: "127.0.0.2" }],
    ["gone", () => [url("/none")], 502, "URL_UNREACHABLE", { reason: "status", status: 404 }],
    ["moved around", () => [url("/around")], 502, "URL_UNREACHABLE", { reason: "status", status: 302 }],
    [
      "nowhere",
      () => [{ type: "url", data: "http://127.0.0.1:1/x" }],
      502,
      "URL_UNREACHABLE",
      { reason: "no_connection" }
    ]
  ])("that are %s are refused before anything is started", async (_what, images, status, code, details) => {
    const { service } = setting()
    const before = await service.request("GET", "/api/v1/sessions")
    const answer = await ask(images())
    assert.deepEqual([answer.status, at(answer.body, "error.code")], [status, code], answer.text)
    assert.deepInclude(at(answer.body, "error.details"), details)
    const after = await service.request("GET", "/api/v1/sessions")
    assert.deepEqual(at(after.body, "sessions"), at(before.body, "sessions"))
  })

  it("are fetched by the service alone", () => assert.isAbove(fetched, 0))
})
