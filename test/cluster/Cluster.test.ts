import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type FaultProxy, startFaultProxy } from "../launchers/FaultProxy.ts"
import { rowsOf } from "../service/Database.ts"
import { at, textAt } from "../service/Json.ts"
import { until } from "../service/Polling.ts"
import { held, scripted, small } from "../service/Prompts.ts"
import type { Service } from "../service/Service.ts"
import { useModel } from "../service/UseService.ts"
import { type Cluster, startCluster } from "./Cluster.ts"
import { followRun } from "./Follower.ts"
import { brokenInvariants } from "./Invariants.ts"

const hangUpAfter = Number(process.env["CUT_AFTER"] ?? 3)

const model = useModel()

/** The first instance's way to PostgreSQL. */
let way: FaultProxy
let cluster: Cluster

const place = (index: number): Service => {
  const service = cluster.instances[index % cluster.instances.length]
  if (service === undefined) throw new Error(`There is no instance ${index}`)
  return service
}

beforeAll(async () => {
  cluster = await startCluster({
    instances: 2,
    model: model().url,
    route: async (index, database) => {
      if (index > 0) return database
      way = await startFaultProxy({ host: "127.0.0.1", port: Number(new URL(database).port) })
      return way.url(database)
    }
  })
})

afterAll(async () => {
  await cluster?.stop()
  await way?.close()
})

describe("a stream that is cut after every few events", () => {
  it("is taken up on the other instance each time, and is byte for byte what an uninterrupted reader saw", async () => {
    const body = {
      prompt: scripted(
        "Tell it.",
        {
          text: "One word after another, and then a tool.",
          chunk: 2,
          every: 10,
          tool: "Bash",
          input: { command: "echo x" }
        },
        { text: "And another few words.", chunk: 2, every: 10 }
      ),
      tools: ["Bash"],
      allowed_tools: ["Bash"],
      system_prompt: "Answer.",
      include_partial_messages: true
    }
    const key = "cut-and-taken-up"
    const [cut, whole] = await Promise.all([
      followRun({ idempotencyKey: key, body, place, hangUpAfter }),
      followRun({ idempotencyKey: key, body, place: () => place(1) })
    ])
    assert.strictEqual(cut.run, whole.run)
    assert.isAbove(cut.events.length, 30)
    assert.deepEqual(
      cut.events.map(({ text }) => text),
      whole.events.map(({ text }) => text)
    )
    const over = await place(1).request("GET", `/api/v1/runs/${cut.run}/events`, {
      headers: { "last-event-id": String(cut.events.at(-1)?.id) }
    })
    assert.strictEqual(over.status, 204)
  })
})

describe("the same request on two instances at once", () => {
  it("is one run", async () => {
    const request = {
      body: { ...small, prompt: held("Once.", "once") },
      headers: { "idempotency-key": "on-two-instances" }
    }
    const before = model().requests().length
    const streams = await Promise.all([0, 1].map((index) => place(index).stream("POST", "/api/v1/query", request)))
    await Promise.all(streams.map((stream) => stream.waitFor("message")))
    model().open("once")
    await Promise.all(streams.map((stream) => stream.finished()))
    const [one, two] = streams
    assert.strictEqual(one?.eventText, two?.eventText)
    assert.strictEqual(at(one?.first("done").data, "reason"), "completed")
    assert.strictEqual(model().requests().length, before + 1)
  })
})

describe("Redis frozen while runs go on", () => {
  it("costs a reader elsewhere little, the run nothing, and new runs wait for it to be back", async () => {
    const live = await place(0).stream("POST", "/api/v1/query", { body: { ...small, prompt: held("Go.", "frozen") } })
    await live.waitFor("message")
    const remote = await place(1).stream("GET", `/api/v1/runs/${live.runId}/events`)
    await cluster.redis.freeze()
    try {
      const refused = await place(1).request("POST", "/api/v1/query", { body: { ...small, prompt: "Hi." } })
      assert.deepEqual([refused.status, at(refused.body, "error.error_id")], [503, "ERR_REDIS_UNAVAILABLE"])
      model().open("frozen")
      await Promise.all([live.finished(), remote.finished()])
      assert.strictEqual(at(live.first("done").data, "reason"), "completed")
      assert.strictEqual(remote.eventText, live.eventText)
    } finally {
      await cluster.redis.thaw()
    }
    await until("a run starts again", async () => {
      const { status } = await place(1).request("POST", "/api/v1/query/single", { body: { ...small, prompt: "Hi." } })
      return status === 200
    })
  })
})

describe("PostgreSQL restarted under load", () => {
  it("loses no run, and leaves no gap", async () => {
    const streams = await Promise.all(
      [0, 1, 2, 3].map((index) =>
        place(index).stream("POST", "/api/v1/query", {
          body: {
            ...small,
            prompt: scripted(`Load ${index}.`, { text: "word ".repeat(200), chunk: 5, every: 25 }),
            include_partial_messages: true
          }
        })
      )
    )
    await Promise.all(streams.map((stream) => stream.waitFor("partial")))
    await cluster.postgres.restart()
    assert.deepEqual(
      streams.map(({ end }) => end),
      streams.map(() => undefined)
    )
    await Promise.all(streams.map((stream) => stream.finished()))
    for (const stream of streams) {
      assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
      assert.strictEqual(at(stream.first("result").data, "saved"), true)
      assert.deepEqual(
        stream.events.map(({ id }) => Number(id)),
        stream.events.map((_, index) => index + 1)
      )
    }
    assert.deepEqual(await brokenInvariants(cluster.database), [])
  })
})

describe("an instance that is cut off from PostgreSQL until its lease is another's", () => {
  it("changes neither rows nor files any more, and works again when it is back", async () => {
    const live = await place(0).stream("POST", "/api/v1/query", {
      body: {
        prompt: scripted("Beat.", {
          tool: "Bash",
          input: { command: "while true; do echo beat >> beats; sleep 0.05; done", timeout: 600_000 }
        }),
        tools: ["Bash"],
        allowed_tools: ["Bash"],
        system_prompt: "Answer."
      }
    })
    await live.waitFor(({ data }) => at(data, "content.0.type") === "tool_use")
    const [session] = await rowsOf(cluster.database, "SELECT cwd FROM sessions WHERE id = $1", [live.sessionId])
    const beats = async () => (await readFile(join(textAt(session, "cwd"), "beats"), "utf8").catch(() => "")).length
    await until("the tool is at work", async () => (await beats()) > 0)
    await way.set({ kind: "blackhole" })

    const remote = await place(1).stream("GET", `/api/v1/runs/${live.runId}/events`)
    await remote.finished()
    const written = await beats()
    assert.strictEqual(at(remote.first("error").data, "error_id"), "ERR_RUN_LOST")
    // Long enough for twenty beats, were it alive.
    await sleep(1000)
    assert.strictEqual(await beats(), written)

    await way.set({ kind: "pass" })
    await until("it works again", async () => {
      const { status } = await place(0).request("POST", "/api/v1/query/single", { body: { ...small, prompt: "Hi." } })
      return status === 200
    })
    assert.strictEqual(await beats(), written)
    const kept = await rowsOf(
      cluster.database,
      "SELECT seq::int, event, data FROM run_events WHERE session_id = $1 ORDER BY seq",
      [live.sessionId]
    )
    assert.strictEqual(
      kept.map(({ data, event, seq }) => `id: ${seq}\nevent: ${event}\ndata: ${data}\n\n`).join(""),
      remote.eventText
    )
    assert.deepEqual(await brokenInvariants(cluster.database), [])
    await live.finished()
    assert.isTrue(
      remote.eventText.startsWith(
        live.events
          .filter(({ id }) => id !== undefined && Number(id) < Number(remote.first("error").id))
          .map(({ text }) => text)
          .join("")
      )
    )
  })
})
