import { createServer, type IncomingHttpHeaders, type Server } from "node:http"
import { text } from "node:stream/consumers"
import { afterAll, assert, beforeAll, it } from "vitest"
import { makeAddressRules } from "../../src/outbound/AddressRules.ts"
import { exchange, ExchangeFailed, type OutgoingRequest } from "../../src/outbound/Exchange.ts"

let server: Server
let port: number
let received: Array<readonly [string | undefined, IncomingHttpHeaders]> = []

beforeAll(async () => {
  server = createServer((request, response) => {
    received.push([request.method, request.headers])
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x")
    if (pathname === "/") return response.end("here")
    return response.writeHead(Number(pathname.slice(1)), { location: searchParams.get("to") ?? "/" }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const address = server.address()
  port = typeof address === "object" && address !== null ? address.port : 0
})

afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const send = async (exceptions: ReadonlyArray<string>, url: string, more: Partial<OutgoingRequest> = {}) => {
  received = []
  const request = { method: "GET", url: new URL(url), headers: { authorization: "secret" }, ...more }
  const response = await exchange(makeAddressRules(exceptions), request, AbortSignal.timeout(10_000))
  return text(response)
}

const refused = async (exceptions: ReadonlyArray<string>, url: string, more?: Partial<OutgoingRequest>) => {
  const failure = await send(exceptions, url, more).then(
    () => undefined,
    (cause: unknown) => cause
  )
  return failure instanceof ExchangeFailed ? [failure.reason, failure.host] : failure
}

it("a name that leads to a private address is refused, and nothing is connected to", async () => {
  assert.deepEqual(await refused([], `http://localhost:${port}/`), ["refused", "localhost"])
  assert.deepEqual(await refused([], `http://127.0.0.1:${port}/`), ["refused", "127.0.0.1"])
  assert.deepEqual(await refused([], "ftp://example.com/"), ["refused", "example.com"])
  assert.deepEqual(received, [])
})

it("what the operator names or chose may be reached, by its name or its address", async () => {
  assert.strictEqual(await send(["localhost"], `http://LOCALHOST:${port}/`), "here")
  assert.strictEqual(await send(["127.0.0.0/8", "::1"], `http://localhost:${port}/`), "here")
  assert.strictEqual(await send([], `http://127.0.0.1:${port}/`, { trusted: true }), "here")
})

it("a redirect is looked at again, and takes no headers to another place", async () => {
  const from = `http://127.0.0.1:${port}`
  assert.deepEqual(await refused(["127.0.0.1"], `${from}/302?to=http://127.0.0.2:${port}/`), ["refused", "127.0.0.2"])
  assert.deepEqual(await refused([], `${from}/302?to=http://127.0.0.2:${port}/`, { trusted: true }), [
    "refused",
    "127.0.0.2"
  ])
  assert.strictEqual(await send(["127.0.0.0/8"], `${from}/302?to=http://127.0.0.2:${port}/`), "here")
  assert.deepEqual(
    received.map(([, { authorization }]) => authorization),
    ["secret", undefined]
  )
  assert.strictEqual(await send(["127.0.0.1"], `${from}/307?to=/`, { method: "POST", body: Buffer.from("x") }), "here")
  assert.deepEqual(
    received.map(([method, { authorization }]) => [method, authorization]),
    [
      ["POST", "secret"],
      ["POST", "secret"]
    ]
  )
  assert.strictEqual(await send(["127.0.0.1"], `${from}/303?to=/`, { method: "POST", body: Buffer.from("x") }), "here")
  assert.deepEqual(
    received.map(([method]) => method),
    ["POST", "GET"]
  )
})

it("a name that changes its address is connected to where it was looked at, and refused when it leads inside", async () => {
  const hosts: Array<string> = []
  const found = [["127.0.0.9"], ["127.0.0.8"], ["127.0.0.8", "127.0.0.9"]]
  const connected: Array<string | undefined> = []
  const note = ({ socket }: { readonly socket: { readonly localAddress?: string | undefined } }) =>
    connected.push(socket.localAddress?.replace("::ffff:", ""))
  server.on("request", note)
  const ask = async () => {
    const request = { method: "GET", url: new URL(`http://rebinding.test:${port}/`), headers: {} }
    const response = await exchange(
      makeAddressRules(["127.0.0.9"]),
      request,
      AbortSignal.timeout(10_000),
      0,
      (host, _, answer) => {
        hosts.push(host)
        answer(
          null,
          (found[hosts.length - 1] ?? []).map((address) => ({ address, family: 4 }))
        )
      }
    )
    return text(response)
  }
  assert.strictEqual(await ask(), "here")
  const failure = await ask().then(
    () => undefined,
    (cause: unknown) => cause
  )
  assert.deepEqual(failure instanceof ExchangeFailed ? [failure.reason, failure.host] : failure, [
    "refused",
    "rebinding.test"
  ])
  assert.strictEqual(await ask(), "here")
  server.off("request", note)
  // One look for each connection: there is none between what was looked at and what is connected to.
  assert.lengthOf(hosts, 3)
  assert.deepEqual(connected, ["127.0.0.9", "127.0.0.9"])
})
