import { Context, Effect, Layer } from "effect"
import { readFile } from "node:fs/promises"
import { join } from "node:path"

const controlGroups = "/sys/fs/cgroup"

const textOf = async (path: string): Promise<string> => readFile(path, "utf8").catch(() => "")

const numberIn = (text: string, pattern: RegExp): number | undefined => {
  const [, digits] = pattern.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** What a control group leaves of its own limit. The page cache that it can give up at any time counts as free. */
const leftIn = async (group: string): Promise<number | undefined> => {
  const limit = numberIn(await textOf(join(group, "memory.max")), /^(\d+)/)
  if (limit === undefined) return undefined
  const used = numberIn(await textOf(join(group, "memory.current")), /^(\d+)/) ?? 0
  const cache = numberIn(await textOf(join(group, "memory.stat")), /^inactive_file (\d+)$/m) ?? 0
  return limit - used + cache
}

/** The control group of this process and all above it: each has a limit of its own. */
const groupsAbove = (own: string): ReadonlyArray<string> =>
  own
    .split("/")
    .filter((part) => part !== "")
    .reduce<Array<string>>((groups, part) => [...groups, join(groups.at(-1) ?? controlGroups, part)], [controlGroups])

const measure = async (): Promise<number | null> => {
  const machine = numberIn(await textOf("/proc/meminfo"), /^MemAvailable:\s+(\d+) kB$/m)
  if (machine === undefined) return null
  const [, own = "/"] = /^0::(.*)$/m.exec(await textOf("/proc/self/cgroup")) ?? []
  const left = await Promise.all(groupsAbove(own).map(leftIn))
  return Math.min(machine * 1024, ...left.filter((bytes) => bytes !== undefined))
}

/** How much memory agents may still take. */
export class MachineMemory extends Context.Service<
  MachineMemory,
  {
    /** Bytes that are free on the machine and within the limits of its control groups; null where it cannot be told. */
    readonly free: Effect.Effect<number | null>
  }
>()("causeway/agent/MachineMemory") {
  static readonly layer = Layer.succeed(MachineMemory, { free: Effect.promise(measure) })
}
