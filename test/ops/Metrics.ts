// What /metrics says, read as Prometheus reads it.
import type { Service } from "../service/Service.ts"

/** One series with its value. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const parseLabels = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", value = ""]) => [name, value]))

/** All samples of a text in Prometheus' format. */
export const samplesOf = (text: string): ReadonlyArray<Sample> =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (name === undefined) throw new Error(`Not in Prometheus' format: ${line}`)
      return { name, labels: parseLabels(labels), value: Number(value) }
    })

/** Names with their types, as the lines `# TYPE` give them. */
export const typesOf = (text: string): ReadonlyArray<readonly [name: string, type: string]> =>
  [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => [name, type])

/** The samples of a service now. */
export const scrape = async (service: Service): Promise<ReadonlyArray<Sample>> =>
  samplesOf((await service.request("GET", "/metrics", { key: null })).text)

/** The sum of the samples of a name that have these labels. */
export const sumOf = (
  samples: ReadonlyArray<Sample>,
  name: string,
  labels: Readonly<Record<string, string>> = {}
): number =>
  samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
