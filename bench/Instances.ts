import { startScriptedModel } from "../scripts/scripted-model/ScriptedModel.ts"
import { startCluster } from "../test/cluster/Cluster.ts"
import type { EventReader } from "../test/service/EventReader.ts"
import { scripted } from "../test/service/Prompts.ts"
import { operatorKey } from "../test/service/Service.ts"
import { load } from "./HttpLoad.ts"
import { count, millis, progress, reportNote, reportTable, reportTitle } from "./Report.ts"
import { startRun } from "./Runs.ts"
import { median, quantile } from "./Statistics.ts"

const instances = 3
const rounds = 3
const measurement = { connections: 8, seconds: 3, atLeast: 500 }

/** When each event came to a reader. */
const arrivals = async (reader: EventReader): Promise<ReadonlyMap<string, number>> => {
  const times = new Map<string, number>()
  for await (const { event, id } of reader)
    if (event !== undefined && id !== undefined) times.set(id, performance.now())
  return times
}

/** Requests on one, two and three instances, and how much later readers elsewhere see an event. */
export const severalInstances = async (): Promise<void> => {
  const model = await startScriptedModel()
  const cluster = await startCluster({
    instances,
    model: model.url,
    env: { RATE_LIMIT: "off", RATE_LIMIT_STARTS: "off" }
  })
  try {
    const [owner, other] = cluster.instances
    if (owner === undefined || other === undefined) throw new Error("There are not enough instances")
    const places = cluster.instances.map(({ key, url }) => ({ apiKey: key, url: new URL(url) }))
    const text = { text: "word ".repeat(200), chunk: 5, every: 20, hold: "start", after: 1 }
    const session = await startRun({ apiKey: operatorKey, url: new URL(owner.url) }, scripted("Tell it.", text))
    const path = `/api/v1/runs/${session.id}/events`
    const streams = await Promise.all([owner, other].map((service) => service.stream("GET", path)))
    const timed = Promise.all(streams.map(arrivals))
    model.open("start")
    const [here, there] = await timed
    const later = [...(here ?? [])].flatMap(([id, at]) => {
      const elsewhere = there?.get(id)
      return elsewhere === undefined ? [] : [elsewhere - at]
    })

    const throughput = places.map((): Array<number> => [])
    for (let round = 0; round <= rounds; round++) {
      for (let used = 1; used <= instances; used++) {
        progress(`round ${round} of ${rounds}: ${used} instances`)
        const results = await Promise.all(
          places.slice(0, used).map(({ apiKey, url }) =>
            load({
              url,
              ...measurement,
              headers: { "x-api-key": apiKey },
              nextPath: () => `/api/v1/runs/${session.id}`
            })
          )
        )
        if (round > 0) throughput[used - 1]?.push(results.reduce((sum, { perSecond }) => sum + perSecond, 0))
      }
    }
    const [alone = Number.NaN] = throughput.map(median)
    reportTitle("An event at a reader on another instance, after the same event on the run's own")
    reportTable(
      ["", "median", "90 %", "99 %"],
      [["later by", ...[0.5, 0.9, 0.99].map((share) => millis(quantile(later, share)))]]
    )
    reportNote("Target: under 50 ms.")
    reportTitle(
      `GET /api/v1/runs/{id}, ${measurement.connections} connections to each instance, medians of ${rounds} rounds`
    )
    reportTable(
      ["instances", "requests/s of all", "over one"],
      throughput.map((results, index) => [
        String(index + 1),
        count(median(results)),
        (median(results) / alone).toFixed(2)
      ])
    )
    reportNote(
      "Instances, PostgreSQL, Redis and the load share this machine's cores: more than these cannot be had here."
    )
  } finally {
    await cluster.stop()
    await model.stop()
  }
}
