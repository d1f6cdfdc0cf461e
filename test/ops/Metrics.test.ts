import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { catalogue } from "../../src/domain/errors/catalogue.ts"
import { databaseOperations } from "../../src/storage/DatabaseMetrics.ts"
import { scripted, small } from "../service/Prompts.ts"
import { type Service, startService } from "../service/Service.ts"
import { stopCleanly, useModel } from "../service/UseService.ts"
import { errorIds, expressions, metricsIn } from "./AlertRules.ts"
import { type Sample, samplesOf, scrape, sumOf, typesOf } from "./Metrics.ts"

const model = useModel()
let service: Service
let text: string
let fresh: ReadonlyArray<Sample>

beforeAll(async () => {
  service = await startService({ database: "embedded", model: model().url })
  text = (await service.request("GET", "/metrics", { key: null })).text
  fresh = samplesOf(text)
})
afterAll(() => stopCleanly(service))

const alerted = [...new Set(expressions.flatMap(metricsIn))]

/** Of these there is something before anybody asked: the start itself, what the service looks for, or what never is 0. */
const notZero = new Set(["db_calls_in_flight", "db_pool_size", "run_time_limit_seconds"])

const wanted: ReadonlyArray<readonly [name: string, type: string]> = [
  ["api_errors_total", "counter"],
  ["http_requests_total", "counter"],
  ["http_request_duration_seconds", "histogram"],
  ["validation_errors_total", "counter"],
  ["websocket_frames_total", "counter"],
  ["http_open_streams", "gauge"],
  ["http_stalled_streams_total", "counter"],
  ["cache_hit_rate", "gauge"],
  ["cache_requests_total", "counter"],
  ["cache_corruption_total", "counter"],
  ["redis_down", "gauge"],
  ["rate_limit_unmeasured_total", "counter"],
  ["db_query_duration_seconds", "histogram"],
  ["db_connection_errors_total", "counter"],
  ["db_calls_in_flight", "gauge"],
  ["db_pool_size", "gauge"],
  ["memory_injection_errors_total", "counter"],
  ["memory_extraction_errors_total", "counter"],
  ["runs", "gauge"],
  ["runs_ended_total", "counter"],
  ["run_first_token_seconds", "histogram"],
  ["run_oldest_seconds", "gauge"],
  ["run_time_limit_seconds", "gauge"],
  ["runs_unowned", "gauge"],
  ["log_append_delay_seconds", "histogram"],
  ["log_batch_events", "histogram"],
  ["leases_frozen_total", "counter"],
  ["retention_removed_total", "counter"],
  ["runs_resumed_total", "counter"],
  ["approvals_total", "counter"],
  ["webhook_deliveries_total", "counter"],
  ["webhook_oldest_undelivered_seconds", "gauge"],
  ["webhook_overdue_seconds", "gauge"],
  ["agent_processes", "gauge"],
  ["agent_start_seconds", "histogram"],
  ["agent_unknown_messages_total", "counter"],
  ["event_loop_delay_seconds", "gauge"],
  ["process_resident_memory_bytes", "gauge"]
]

describe("a service that has just started", () => {
  it("has every metric, each defined once", () => {
    const types = typesOf(text)
    assert.deepEqual(
      types.toSorted(),
      [...wanted].toSorted(),
      "a metric is new, missing or defined twice: the list above is what operators can rely on"
    )
  })

  it("has every metric of the alert rules, at 0", () => {
    assert.isAbove(alerted.length, 10)
    for (const name of alerted) {
      assert.isTrue(
        fresh.some((sample) => sample.name === name),
        `${name} is not there`
      )
      if (notZero.has(name) || name.startsWith("db_query_duration_seconds")) continue
      assert.strictEqual(sumOf(fresh, name), 0, name)
    }
  })

  it("has a count for every id of the catalogue, and the alert rules name no other", () => {
    const ids = new Set(Object.values(catalogue).map(({ error_id }): string => error_id))
    assert.deepEqual(
      new Set(fresh.filter(({ name }) => name === "api_errors_total").map(({ labels }) => labels["error_code"])),
      ids
    )
    assert.isAbove(errorIds.length, 5)
    assert.deepEqual(
      errorIds.filter((id) => !ids.has(id)),
      []
    )
  })

  it("has a duration for every operation of the database", () => {
    const operations = fresh.filter(({ name }) => name === "db_query_duration_seconds_count")
    assert.sameMembers(
      operations.map(({ labels }) => labels["operation"] ?? ""),
      [...databaseOperations]
    )
  })

  it("has memory to live in", () => {
    assert.isAbove(sumOf(fresh, "process_resident_memory_bytes"), 10_000_000)
  })
})

describe("after a run", () => {
  let live: ReadonlyArray<Sample>
  let after: ReadonlyArray<Sample>

  beforeAll(async () => {
    const stream = await service.stream("POST", "/api/v1/query", {
      body: { prompt: scripted("Count me.", { text: "Counted.", hold: "counting" }), ...small }
    })
    await stream.waitFor(({ event }) => event === "init")
    live = await scrape(service)
    model().open("counting")
    await stream.finished()
    after = await scrape(service)
  })

  it("showed the run while it lived", () => {
    assert.strictEqual(sumOf(live, "runs", { status: "running" }), 1)
    assert.strictEqual(sumOf(live, "agent_processes"), 1)
    assert.strictEqual(sumOf(live, "http_open_streams"), 1)
    assert.isAbove(sumOf(live, "run_oldest_seconds"), 0)
    assert.strictEqual(sumOf(live, "agent_start_seconds_count"), 1)
    assert.isAbove(sumOf(live, "agent_start_seconds_sum"), 0.05)
  })

  it("counts its end, its first token and its events", () => {
    assert.strictEqual(sumOf(after, "runs_ended_total", { status: "completed" }), 1)
    assert.strictEqual(sumOf(after, "runs_ended_total"), 1)
    assert.strictEqual(sumOf(after, "run_first_token_seconds_count"), 1)
    assert.isAbove(sumOf(after, "run_first_token_seconds_sum"), sumOf(after, "agent_start_seconds_sum"))
    // init, the prompt, the answer, result, done
    assert.isAtLeast(sumOf(after, "log_append_delay_seconds_count"), 5)
    assert.strictEqual(sumOf(after, "log_batch_events_sum"), sumOf(after, "log_append_delay_seconds_count"))
    assert.isAbove(sumOf(after, "db_query_duration_seconds_count", { operation: "RunEventRepository.append" }), 0)
    assert.strictEqual(sumOf(after, "api_errors_total"), 0)
  })

  it("has nothing left of it", async () => {
    const quiet = await scrape(service)
    assert.strictEqual(sumOf(quiet, "runs"), 0)
    assert.strictEqual(sumOf(quiet, "agent_processes"), 0)
    assert.strictEqual(sumOf(quiet, "http_open_streams"), 0)
    assert.strictEqual(sumOf(quiet, "db_calls_in_flight"), 0)
  })

  it("knows the cache's share of the reads", () => {
    const hits = sumOf(after, "cache_requests_total", { result: "hit" })
    const misses = sumOf(after, "cache_requests_total", { result: "miss" })
    assert.isAbove(misses, 0)
    assert.approximately(sumOf(after, "cache_hit_rate"), hits / (hits + misses), 1e-9)
  })
})
