import { assert, describe, it } from "vitest"
import { freshDatabase, rowsOf } from "./Database.ts"
import { at, textAt } from "./Json.ts"
import { eventually, until } from "./Polling.ts"
import { held, scripted, small } from "./Prompts.ts"
import { startService } from "./Service.ts"
import { openSocket, refusedHandshake, type Socket } from "./Socket.ts"
import { stopCleanly, useService } from "./UseService.ts"

const origin = "https://app.example"

const setting = useService({
  env: {
    CORS_ORIGINS: origin,
    READER_STALL_TIMEOUT: "1 second",
    DISCONNECT_GRACE: "1 second",
    MAX_BODY_BYTES: "65536"
  }
})

const metric = async (series: string) => {
  const { text } = await setting().service.request("GET", "/metrics", { key: null })
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

/** Starts a run whose model waits at a gate. */
const begin = async (socket: Socket, gate: string, id: string) => {
  const ack = await socket.ask({ type: "prompt", ...small, prompt: held("Write for long.", gate) }, id)
  assert.strictEqual(ack["type"], "ack", JSON.stringify(ack))
  return { session: textAt(ack, "session_id"), run: textAt(ack, "run_id") }
}

describe("a WebSocket", () => {
  it("carries a conversation: the same events as the stream, in the same words", async () => {
    const { database, service } = setting()
    const socket = await openSocket(service)
    const ack = await socket.ask(
      { type: "prompt", ...small, prompt: scripted("Hello.", { text: "Good day." }), title: "By socket" },
      "first"
    )
    assert.deepEqual(
      [ack["type"], ack["message"], ack["request_id"], ack["after"]],
      ["ack", "Query started", "first", 0]
    )
    const run = textAt(ack, "run_id")
    await socket.waitFor("the end", ({ run_id, type }) => type === "end" && run_id === run)
    const stream = await service.stream("GET", `/api/v1/runs/${run}/events`)
    await stream.finished()
    assert.deepEqual(
      socket.events(run).map(({ data, event, id }) => ({ data, event, id: String(id) })),
      stream.events.map(({ data, event, id }) => ({ data, event: event ?? "", id: id ?? "" }))
    )
    assert.strictEqual(socket.frames.indexOf(ack), 0)
    const [row] = await rowsOf(database, "SELECT request_id FROM runs WHERE id = $1", [run])
    assert.deepEqual(row, { request_id: "first" })

    // The next turn, in the session that the connection is in anyway.
    const session_id = textAt(ack, "session_id")
    const next = await socket.ask(
      { type: "prompt", ...small, session_id, prompt: scripted("And?", { recall: true }) },
      "next"
    )
    await socket.event(next["run_id"], "done")
    assert.include(JSON.stringify(socket.events(next["run_id"])), "Hello.")

    // All of it again, from a cursor on.
    const last = socket.events(run).at(-1)
    const again = await socket.ask({ type: "subscribe", session_id, after: last?.["id"] }, "again")
    assert.deepEqual([again["message"], again["run_id"], again["after"]], ["Subscribed", null, last?.["id"]])
    const ended = await socket.waitFor("the end", ({ run_id, type }) => type === "end" && run_id === null)
    const events = socket.events(next["run_id"])
    assert.strictEqual(events.length % 2, 0)
    assert.deepEqual(events.slice(events.length / 2), events.slice(0, events.length / 2))
    assert.strictEqual(ended["after"], events.at(-1)?.["id"])
    const nothing = await socket.ask({ type: "subscribe", run_id: run, after: last?.["id"] }, "nothing")
    assert.isNull(nothing["after"])
    socket.close()
  })

  it("follows several runs at once, and interrupts the one that is meant", async () => {
    const { model, service } = setting()
    const socket = await openSocket(service)
    const one = await begin(socket, "socket-one", "one")
    const two = await begin(socket, "never", "two")
    const busy = await socket.ask({ type: "prompt", ...small, session_id: one.session, prompt: "Next." }, "busy")
    assert.deepEqual([at(busy, "error.error_id"), at(busy, "error.details.run_id")], ["ERR_SESSION_BUSY", one.run])
    const interrupted = await socket.ask({ type: "interrupt", session_id: two.session }, "stop")
    assert.deepEqual([interrupted["message"], interrupted["run_id"]], ["Interrupted", two.run])
    assert.strictEqual(at(await socket.event(two.run, "done"), "data.reason"), "interrupted")
    const idle = await socket.ask({ type: "interrupt" }, "idle")
    assert.deepEqual(
      [at(idle, "error.error_id"), at(idle, "error.details.session_id")],
      ["ERR_SESSION_IDLE", two.session]
    )
    model.open("socket-one")
    assert.strictEqual(at(await socket.event(one.run, "done"), "data.reason"), "completed")
    socket.close()
  })

  it("has a run in the background, repeats it by its key, and stops following when asked", async () => {
    const { model, service } = setting()
    const socket = await openSocket(service)
    const prompt = { type: "prompt", ...small, prompt: held("Once.", "socket-key"), idempotency_key: "socket" }
    const first = await socket.ask({ ...prompt, background: true }, "first")
    assert.deepEqual([first["message"], first["after"]], ["Query accepted", null])
    const again = await socket.ask({ ...prompt, background: true }, "again")
    assert.strictEqual(again["run_id"], first["run_id"])
    const other = await socket.ask(prompt, "other")
    assert.strictEqual(at(other, "error.error_id"), "ERR_IDEMPOTENCY_MISMATCH")
    const run_id = first["run_id"]
    await socket.ask({ type: "subscribe", run_id }, "follow")
    await socket.event(run_id, "init")
    await socket.ask({ type: "unsubscribe", run_id }, "leave")
    const seen = socket.events(run_id).length
    model.open("socket-key")
    await until("the run is over", async () => {
      const { body } = await service.request("GET", `/api/v1/runs/${String(run_id)}`)
      return at(body, "status") === "completed"
    })
    assert.strictEqual(socket.events(run_id).length, seen)
    socket.close()
  })

  it("says what is wrong with a frame, under its id, and goes on", async () => {
    const { service } = setting()
    const socket = await openSocket(service)
    const unknown = "01890000-0000-7000-8000-00000000ffff"
    const cases: ReadonlyArray<readonly [id: string, frame: Record<string, unknown>, error_id: string, path?: string]> =
      [
        ["no-session", { type: "interrupt" }, "ERR_VALIDATION", "frame.session_id"],
        ["type", { type: "shout" }, "ERR_VALIDATION", "frame.type"],
        ["field", { type: "prompt", prompt: "a", colour: "red" }, "ERR_VALIDATION", "frame.colour"],
        ["blank", { type: "prompt", prompt: " " }, "ERR_VALIDATION", "frame.prompt"],
        ["both", { type: "subscribe", session_id: unknown, run_id: unknown }, "ERR_VALIDATION", "frame.session_id"],
        ["title", { type: "prompt", prompt: "a", session_id: unknown, title: "b" }, "ERR_VALIDATION", "frame.title"],
        ["bypass", { type: "prompt", prompt: "a", permission_mode: "bypassPermissions" }, "ERR_FORBIDDEN"],
        ["absent", { type: "prompt", ...small, prompt: "a", session_id: unknown }, "ERR_SESSION_NOT_FOUND"],
        ["run", { type: "subscribe", run_id: unknown }, "ERR_RUN_NOT_FOUND"],
        ["session", { type: "subscribe", session_id: unknown }, "ERR_SESSION_NOT_FOUND"],
        ["answer-absent", { type: "answer", session_id: unknown, answer: "yes" }, "ERR_SESSION_NOT_FOUND"]
      ]
    for (const [id, frame, error_id, path] of cases) {
      const reply = await socket.ask(frame, id)
      assert.deepEqual([reply["type"], at(reply, "error.error_id")], ["error", error_id], id)
      if (path !== undefined) assert.strictEqual(at(reply, "error.details.issues.0.path"), path)
      const line = service.logs().find(({ request_id }) => request_id === id)
      assert.deepEqual([line?.["error_id"], line?.["route"]], [error_id, "/api/v1/query/ws"])
      assert.match(String(line?.["api_key_hash"]), /^[0-9a-f]{64}$/)
    }
    const texts = ["{", "[1]", "7", '{"type":"interrupt","x":"\\u0000"}', "[".repeat(200)]
    const said = socket.frames.length
    for (const text of texts) socket.send(text)
    await until("each has its error", () => socket.frames.length === said + texts.length)
    for (const frame of socket.frames.slice(said)) {
      assert.strictEqual(at(frame, "error.error_id"), "ERR_VALIDATION")
      assert.isString(at(frame, "error.request_id"))
    }

    const { body } = await service.request("POST", "/api/v1/query/single", { body: { ...small, prompt: "Hello." } })
    const session_id = textAt(body, "session_id")
    const answer = await socket.ask({ type: "answer", session_id, answer: "anything" }, "answer")
    assert.deepEqual(
      [at(answer, "error.error_id"), at(answer, "error.details")],
      ["ERR_NOTHING_TO_ANSWER", { session_id }]
    )
    const tenant = await service.request("POST", "/api/v1/tenants", { body: { name: "another" } })
    const foreign = await openSocket({ url: service.url, key: textAt(tenant.body, "api_key.key") })
    for (const type of ["answer", "interrupt", "subscribe", "unsubscribe"]) {
      const reply = await foreign.ask({ type, session_id, ...(type === "answer" ? { answer: "1" } : {}) }, type)
      assert.strictEqual(at(reply, "error.error_id"), "ERR_SESSION_NOT_FOUND", type)
    }
    assert.strictEqual(await metric('websocket_frames_total{type="answer",result="refused"}'), 3)
    assert.isUndefined(socket.closed)
    socket.close()
    foreign.close()
  })

  it("closes with a word and a code when a frame cannot be taken", async () => {
    const { service } = setting()
    const errors = await metric('api_errors_total{error_code="ERR_PAYLOAD_TOO_LARGE"}')
    const text = (length: number) => JSON.stringify({ type: "prompt", prompt: "x".repeat(length) })
    const breaches: ReadonlyArray<readonly [string | Buffer, boolean, number, string | undefined]> = [
      [Buffer.from([1, 2, 3]), true, 1003, "ERR_UNSUPPORTED_MEDIA_TYPE"],
      [text(66_000), false, 1009, "ERR_PAYLOAD_TOO_LARGE"],
      [text(300_000), false, 1009, undefined],
      [Buffer.from([0xff, 0xfe]), false, 1007, undefined]
    ]
    for (const [data, binary, code, error_id] of breaches) {
      const socket = await openSocket(service)
      socket.ws.send(data, { binary })
      const closed = await eventually("the close", () => socket.closed)
      assert.strictEqual(closed.code, code)
      assert.strictEqual(at(socket.frames[0], "error.error_id"), error_id)
    }
    assert.strictEqual(await metric('api_errors_total{error_code="ERR_PAYLOAD_TOO_LARGE"}'), errors + 2)
  })

  it("is refused with the one error body before it is one", async () => {
    const { service } = setting()
    const key = { "x-api-key": service.key }
    const refusals: ReadonlyArray<readonly [Record<string, string>, string, number, string]> = [
      [{}, "", 401, "ERR_UNAUTHORIZED"],
      [{ "x-api-key": "wrong-key" }, "", 401, "ERR_UNAUTHORIZED"],
      [{}, "?ticket=made-up", 401, "ERR_UNAUTHORIZED"],
      [key, "?colour=red", 422, "ERR_VALIDATION"],
      [{ ...key, origin: "https://evil.example" }, "", 403, "ERR_ORIGIN_REFUSED"],
      [{ ...key, origin: "null" }, "", 403, "ERR_ORIGIN_REFUSED"]
    ]
    for (const [headers, query, status, error_id] of refusals) {
      const refused = await refusedHandshake(service.url, headers, query)
      assert.deepEqual([refused.status, at(refused.body, "error.error_id")], [status, error_id])
      assert.strictEqual(refused.headers["content-type"], "application/problem+json")
      assert.strictEqual(refused.headers["x-request-id"], at(refused.body, "error.request_id"))
    }
    const plain = await service.request("GET", "/api/v1/query/ws")
    assert.deepEqual([plain.status, at(plain.body, "error.error_id")], [426, "ERR_UPGRADE_REQUIRED"])
    assert.strictEqual(plain.headers.get("upgrade"), "websocket")
    for (const good of [origin, service.url]) {
      const socket = await openSocket(service, { headers: { ...key, origin: good } })
      socket.close()
    }
  })

  it("opens by a ticket: once, for a while, and as long as its key is good", async () => {
    const { database, service } = setting()
    const issue = async (key?: string) => {
      const { body, status } = await service.request("POST", "/api/v1/ws-tickets", key === undefined ? {} : { key })
      assert.strictEqual(status, 201)
      return textAt(body, "ticket")
    }
    const ticket = await issue()
    const stored = JSON.stringify(await rowsOf(database, "SELECT * FROM websocket_tickets"))
    assert.notInclude(stored, ticket)
    // As a browser does it.
    const browser = new WebSocket(`${service.url.replace("http", "ws")}/api/v1/query/ws?ticket=${ticket}`)
    const message = await new Promise<string>((resolve, reject) => {
      browser.addEventListener("open", () => browser.send(JSON.stringify({ type: "interrupt", request_id: "mine" })))
      browser.addEventListener("message", ({ data }) => resolve(String(data)))
      browser.addEventListener("error", () => reject(new Error("No connection")))
    })
    assert.strictEqual(at(JSON.parse(message), "error.request_id"), "mine")
    browser.close()
    assert.strictEqual((await refusedHandshake(service.url, {}, `?ticket=${ticket}`)).status, 401)

    const late = await issue()
    await rowsOf(database, "UPDATE websocket_tickets SET expires_at = now() - interval '1 second'")
    assert.strictEqual((await refusedHandshake(service.url, {}, `?ticket=${late}`)).status, 401)

    const { body } = await service.request("POST", "/api/v1/tenants", { body: { name: "ticketed" } })
    const admin = textAt(body, "api_key.key")
    const made = await service.request("POST", "/api/v1/api-keys", {
      key: admin,
      body: { name: "k", scopes: ["query"] }
    })
    const key = textAt(made.body, "key")
    const [orphan, socket] = [
      await issue(key),
      await openSocket(service, { headers: {}, query: `?ticket=${await issue(key)}` })
    ]
    await service.request("DELETE", `/api/v1/api-keys/${textAt(made.body, "id")}`, { key: admin })
    assert.strictEqual((await refusedHandshake(service.url, {}, `?ticket=${orphan}`)).status, 401)
    // The connection that is open already has no more of it.
    const reply = await socket.ask({ type: "interrupt" }, "revoked")
    assert.strictEqual(at(reply, "error.error_id"), "ERR_UNAUTHORIZED")
    assert.strictEqual((await eventually("the close", () => socket.closed)).code, 4001)
    assert.notInclude(service.output(), ticket)
  })

  it("is cut when it takes nothing, and its runs end as those of any reader that left", async () => {
    const { database, service } = setting()
    const past = await service.stream("POST", "/api/v1/query", { body: { ...small, prompt: "Quickly." } })
    await past.finished()
    await rowsOf(database, "UPDATE run_events SET seq = seq + 1000 WHERE run_id = $1 AND event = 'done'", [past.runId])
    await rowsOf(
      database,
      `INSERT INTO run_events (session_id, seq, run_id, tenant_id, event, data)
       SELECT session_id, last_seq - 1 + number, id, tenant_id, 'status',
         json_build_object('status', 'test', 'message', repeat('x', 20000))
       FROM runs, generate_series(1, 1000) number WHERE id = $1`,
      [past.runId]
    )
    await rowsOf(database, "UPDATE runs SET last_seq = last_seq + 1000 WHERE id = $1", [past.runId])
    const before = await metric("http_stalled_streams_total")
    const socket = await openSocket(service)
    const live = await begin(socket, "never", "live")
    await socket.event(live.run, "init")
    await socket.ask({ type: "subscribe", run_id: past.runId }, "much")
    socket.ws.pause()
    await until("it is cut", async () => (await metric("http_stalled_streams_total")) === before + 1)
    await until("its run is interrupted", async () => {
      const { body } = await service.request("GET", `/api/v1/runs/${live.run}`)
      return at(body, "status") === "interrupted"
    })
    socket.ws.resume()
    await until("the client knows", () => socket.closed?.code === 1006)
    const cursor = socket.events(past.runId).at(-1)?.["id"]
    const whole = await openSocket(service)
    await whole.ask({ type: "subscribe", run_id: past.runId, after: cursor }, "rest")
    await whole.waitFor("the end", ({ type }) => type === "end")
    assert.strictEqual(socket.events(past.runId).length + whole.events(past.runId).length, past.events.length + 1000)
    whole.close()
    await until("no connection is left", async () => (await metric("http_open_streams")) === 0)
  })

  it("is sent away when its instance stops, after what it follows", async () => {
    const { model } = setting()
    const service = await startService({ database: await freshDatabase(), model: model.url })
    const [idle, active] = [await openSocket(service), await openSocket(service)]
    const { run } = await begin(active, "stopping-socket", "last")
    await active.event(run, "init")
    process.kill(service.pid, "SIGTERM")
    const closed = await eventually("the idle one is closed", () => idle.closed)
    assert.strictEqual(closed.code, 1001)
    assert.deepEqual(
      idle.frames.map(({ data, event }) => [event, at(data, "status")]),
      [["status", "instance_stopping"]]
    )
    const refused = await active.ask({ type: "prompt", ...small, prompt: "More." }, "more")
    assert.strictEqual(at(refused, "error.error_id"), "ERR_SHUTTING_DOWN")
    const late = await refusedHandshake(service.url, { "x-api-key": service.key })
    assert.deepEqual([late.status, late.headers["retry-after"]], [503, "5"])
    model.open("stopping-socket")
    assert.strictEqual(at(await active.event(run, "done"), "data.reason"), "completed")
    assert.strictEqual((await eventually("the end", () => active.closed)).code, 1001)
    // Another signal would only come in between.
    assert.strictEqual(await service.exited, 0, service.output())
    await stopCleanly(service)
  })
})
