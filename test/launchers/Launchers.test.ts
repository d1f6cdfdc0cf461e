import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { createConnection, createServer, type Socket } from "node:net"
import { join } from "node:path"
import { buffer } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startFaultProxy, type FaultProxy } from "./FaultProxy.ts"
import { createDatabase, startPostgres, type PostgresServer } from "./Postgres.ts"
import { onFreePort } from "./Ports.ts"
import { descendants, isAlive, waitForExit } from "./Processes.ts"
import { startRedis, type RedisServer } from "./Redis.ts"

const query = async (url: string, text: string): Promise<ReadonlyArray<unknown>> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 5000 })
  client.on("error", () => undefined)
  try {
    await client.connect()
    return (await client.query(text)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Sends one line and returns what came back until `length` bytes were there or the connection ended. */
const exchange = async (port: number, line: string, length: number): Promise<string> => {
  const socket = createConnection(port, "127.0.0.1")
  socket.write(line)
  let answer = ""
  try {
    for await (const chunk of socket) {
      answer += String(chunk)
      if (answer.length >= length) break
    }
    return answer
  } finally {
    socket.destroy()
  }
}

const ping = (port: number): Promise<string> => exchange(port, "PING\r\n", 6)

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => `no error: ${String(value)}`,
    (cause: unknown) => (cause instanceof Error && "code" in cause ? cause.code : String(cause))
  )

const isPending = (work: Promise<unknown>, millis: number): Promise<boolean> =>
  Promise.race([work.then(() => false), sleep(millis, true)])

const before = new Set(descendants(process.pid))
const leftBehind = () => descendants(process.pid).filter((pid) => !before.has(pid))

describe("PostgreSQL", () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  it("gives each caller a database of its own", async () => {
    const [first, second] = await Promise.all([server.createDatabase(), createDatabase(server.url, 'odd "name"')])
    await query(first, "create table item (id int)")
    assert.deepStrictEqual(await query(second, "select current_database() as name, to_regclass('item') as item"), [
      { name: 'odd "name"', item: null }
    ])
  })

  it("refuses connections once killed, and has its rows after the restart", async () => {
    const url = await server.createDatabase("kept")
    await query(url, "create table item (id int); insert into item values (1), (2)")
    const busy = codeOf(query(url, "select count(*) from generate_series(1, 1e12)"))
    await sleep(100)
    const processes = server.processes
    assert.isAbove(processes.length, 2)
    await server.kill()
    assert.isFalse(processes.some(isAlive))
    assert.deepStrictEqual(server.processes, [])
    assert.notInclude(String(await busy), "no error")
    assert.strictEqual(await codeOf(query(url, "select 1")), "ECONNREFUSED")
    await server.restart()
    assert.deepStrictEqual(await query(url, "select id from item order by id"), [{ id: 1 }, { id: 2 }])
    await server.restart()
    assert.deepStrictEqual(await query(url, "select id from item order by id"), [{ id: 1 }, { id: 2 }])
  })

  it("hangs while frozen and answers when thawed", async () => {
    const client = new Client({ connectionString: server.url })
    await client.connect()
    await server.freeze()
    const established = client.query("select 1 as one")
    const fresh = codeOf(query(server.url, "select 1"))
    assert.isTrue(await isPending(established, 200))
    assert.isTrue(await isPending(fresh, 10))
    await server.thaw()
    assert.deepStrictEqual((await established).rows, [{ one: 1 }])
    assert.include(String(await fresh), "no error")
    await client.end()
  })

  it("leaves nothing behind when it is stopped after a kill", async () => {
    const killed = await startPostgres({ fsync: false })
    const processes = killed.processes
    await killed.kill()
    await killed.stop()
    assert.isFalse(processes.some(isAlive))
    assert.isFalse(existsSync(killed.dir))
  })

  it("says what a wrong setting is", async () => {
    const failure = startPostgres({ settings: { max_connections: -1 } })
    assert.match(String(await failure.catch(String)), /outside the valid range.*max_connections/)
  })

  it("leaves nothing behind when it is stopped while frozen", async () => {
    const processes = server.processes
    await server.freeze()
    await server.stop()
    assert.isFalse(processes.some(isAlive))
    assert.isFalse(existsSync(server.dir))
  })
})

describe("Redis", () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis({ appendOnly: true })
  })
  afterAll(() => server.stop())

  it("refuses connections once killed, and has its keys after the restart", async () => {
    assert.strictEqual(await exchange(server.port, "SET color green\r\n", 5), "+OK\r\n")
    await server.kill()
    assert.strictEqual(await codeOf(ping(server.port)), "ECONNREFUSED")
    await server.restart()
    assert.include(await exchange(server.port, "GET color\r\n", 11), "green")
  })

  it("hangs while frozen and answers when thawed", async () => {
    await server.freeze()
    const answer = ping(server.port)
    assert.isTrue(await isPending(answer, 100))
    await server.thaw()
    assert.strictEqual(await answer, "+PONG\r\n")
  })
})

describe("a launching process that ends", () => {
  const run = async (mode: "wait" | "exit") => {
    const script = join(import.meta.dirname, "Orphans.ts")
    const launcher = spawn(process.execPath, [script, mode], { stdio: ["ignore", "pipe", "inherit"] })
    const exited = once(launcher, "exit")
    const [output] = await once(launcher.stdout, "data")
    const started: { pids: ReadonlyArray<number>; directories: ReadonlyArray<string> } = JSON.parse(String(output))
    if (mode === "wait") assert.isTrue(started.pids.every(isAlive))
    launcher.kill("SIGKILL")
    await exited
    await waitForExit(started.pids)
    for (let tries = 0; tries < 100 && started.directories.some(existsSync); tries++) await sleep(20)
    assert.deepStrictEqual(started.directories.filter(existsSync), [])
    assert.isAbove(started.pids.length, 6)
  }

  it("leaves no server and no file when it is killed", () => run("wait"))
  it("leaves no server and no file when it exits without stopping them", () => run("exit"))
})

describe("the fault proxy", () => {
  // Echoes; and, asked for `flood`, sends as much as the other side takes.
  const upstream = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined)
    socket.once("data", (first) => {
      if (!first.toString().startsWith("flood")) {
        socket.write(first)
        socket.pipe(socket)
        return
      }
      const send = () => {
        while (socket.write(Buffer.alloc(65_536))) continue
      }
      socket.on("drain", send)
      send()
    })
  })
  let proxy: FaultProxy
  beforeAll(async () => {
    const port = await onFreePort(async (candidate) => {
      await once(upstream.listen(candidate, "127.0.0.1"), "listening")
    })
    proxy = await startFaultProxy({ host: "127.0.0.1", port })
  })
  afterAll(async () => {
    await proxy.close()
    upstream.close()
  })

  const connect = async (): Promise<Socket> => {
    const socket = createConnection(proxy.port, "127.0.0.1")
    await once(socket, "connect")
    return socket
  }
  const nextData = async (socket: Socket): Promise<string> => String((await once(socket, "data"))[0])
  const untilNoConnection = async () => {
    while (proxy.connections > 0) await sleep(5)
  }

  it("names itself", () => {
    assert.strictEqual(proxy.url("http"), `http://127.0.0.1:${proxy.port}`)
    assert.strictEqual(proxy.url("postgres://me@elsewhere:1/db?a=b"), `postgres://me@127.0.0.1:${proxy.port}/db?a=b`)
  })

  it("passes bytes and ends on", async () => {
    await proxy.set({ kind: "pass" })
    const socket = createConnection({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true })
    const sent = Buffer.alloc(3_000_000, "abcdefg")
    socket.end(sent)
    assert.isTrue((await buffer(socket)).equals(sent))
    await untilNoConnection()
  })

  it("delays each way, keeps the order and does not slow a stream", async () => {
    const socket = await connect()
    await proxy.set({ kind: "latency", ms: 60 })
    const start = performance.now()
    socket.write("a")
    assert.strictEqual(await nextData(socket), "a")
    assert.isAtLeast(performance.now() - start, 119)
    let received = ""
    socket.on("data", (chunk) => (received += chunk.toString()))
    for (const letter of "bcdefghijk") {
      socket.write(letter)
      await sleep(5)
    }
    await proxy.set({ kind: "pass" })
    socket.write("l")
    while (received.length < 11) await sleep(5)
    assert.strictEqual(received, "bcdefghijkl")
    assert.isBelow(performance.now() - start, 1000)
    socket.destroy()
    await untilNoConnection()
  })

  it("accepts and forwards nothing as a blackhole, and loses nothing", async () => {
    await proxy.set({ kind: "pass" })
    const socket = await connect()
    socket.write("a")
    assert.strictEqual(await nextData(socket), "a")
    await proxy.set({ kind: "blackhole" })
    socket.write("b")
    const answer = nextData(socket)
    const fresh = await connect()
    fresh.write("c")
    const freshAnswer = nextData(fresh)
    assert.isTrue(await isPending(Promise.race([answer, freshAnswer]), 150))
    await proxy.set({ kind: "pass" })
    assert.deepStrictEqual(await Promise.all([answer, freshAnswer]), ["b", "c"])
    socket.destroy()
    fresh.destroy()
    await untilNoConnection()
  })

  it("resets present and new connections", async () => {
    const socket = await connect()
    const present = codeOf(once(socket, "close-without-error"))
    await proxy.set({ kind: "reset" })
    assert.strictEqual(await present, "ECONNRESET")
    assert.strictEqual(await codeOf(ping(proxy.port)), "ECONNRESET")
    await proxy.set({ kind: "pass" })
    assert.strictEqual(await ping(proxy.port), "PING\r\n")
  })

  it("refuses connections and takes them again on the same port", async () => {
    await proxy.set({ kind: "refuse" })
    assert.strictEqual(await codeOf(ping(proxy.port)), "ECONNREFUSED")
    await proxy.set({ kind: "pass" })
    const socket = await connect()
    socket.write("a")
    assert.strictEqual(await nextData(socket), "a")
    socket.destroy()
    await untilNoConnection()
  })

  it("cuts a connection after so many bytes", async () => {
    await proxy.set({ kind: "cut", bytes: 5 })
    assert.strictEqual(await exchange(proxy.port, "0123456789", 10), "01234")
    const socket = await connect()
    socket.write("012")
    assert.strictEqual(await nextData(socket), "012")
    socket.write("345")
    assert.strictEqual(await nextData(socket), "34")
    await untilNoConnection()
  })

  it("lets a slow reader slow the sender, and forwards a reset", async () => {
    await proxy.set({ kind: "pass" })
    const senderArrives = once(upstream, "connection")
    const socket = await connect()
    socket.pause()
    socket.write("flood")
    const sender: Socket = (await senderArrives)[0]
    while (sender.bytesWritten === 0) await sleep(5)
    let last = 0
    while (sender.bytesWritten !== last) {
      last = sender.bytesWritten
      await sleep(200)
    }
    assert.isBelow(last, 64_000_000)
    const failure = codeOf(once(sender, "close"))
    socket.resetAndDestroy()
    assert.match(String(await failure), /ECONNRESET|EPIPE/)
    await untilNoConnection()
  })
})

afterAll(() => {
  assert.deepStrictEqual(leftBehind(), [])
})
