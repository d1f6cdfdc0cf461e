import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { fetchDebianProgram } from "./DebianPackages.ts"
import { findOnPath } from "./Executables.ts"

const run = promisify(execFile)

/** Paths of Prometheus' two programs. */
export interface PrometheusBinaries {
  readonly prometheus: string
  readonly promtool: string
}

const inRoot = (root: string): PrometheusBinaries => ({
  prometheus: join(root, "usr/bin/prometheus"),
  promtool: join(root, "usr/bin/promtool")
})

/** Finds Prometheus on PATH, else in Debian's package, unpacked once into `.cache/prometheus` of this repository. */
export const findPrometheus = async (): Promise<PrometheusBinaries> => {
  const [prometheus, promtool] = [findOnPath("prometheus"), findOnPath("promtool")]
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool }
  try {
    const root = await fetchDebianProgram({
      name: "prometheus",
      packages: ["prometheus"],
      executable: "usr/bin/promtool",
      probe: (root) => run(inRoot(root).promtool, ["--version"])
    })
    return inRoot(root)
  } catch (cause) {
    throw new Error("No Prometheus found, and Debian's package could not be fetched: install `prometheus`.", { cause })
  }
}
