import { execFile } from "node:child_process"
import { mkdtemp, readFile, realpath, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Balancer } from "./Balancer.ts"
import { answersReady } from "./BalancerReady.ts"
import { fetchDebianProgram } from "./DebianPackages.ts"
import { findOnPath } from "./Executables.ts"
import { onFreePort } from "./Ports.ts"
import { ServerProcess } from "./ServerProcess.ts"

const run = promisify(execFile)

const configuration = join(import.meta.dirname, "../../ops/haproxy.cfg")

/** HAProxy on PATH, else in Debian's packages. */
const findHaproxy = async (): Promise<{ readonly command: string; readonly env: Readonly<Record<string, string>> }> => {
  const installed = findOnPath("haproxy")
  if (installed !== undefined) return { command: installed, env: {} }
  const inRoot = (root: string) => ({
    command: join(root, "usr/sbin/haproxy"),
    env: { LD_LIBRARY_PATH: join(root, "usr/lib", `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`) }
  })
  const root = await fetchDebianProgram({
    name: "haproxy",
    packages: ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"],
    executable: "usr/sbin/haproxy",
    probe: (root) => run(inRoot(root).command, ["-v"], { env: inRoot(root).env })
  })
  return inRoot(root)
}

/** HAProxy with the configuration of `ops`. */
export const startHaproxy = async (ports: ReadonlyArray<number>): Promise<Balancer> => {
  const { command, env } = await findHaproxy()
  const directory = await realpath(await mkdtemp(join(tmpdir(), "causeway-haproxy-")))
  const servers = ports.map((port, index) => `  server instance-${index} 127.0.0.1:${port}`).join("\n")
  const template = await readFile(configuration, "utf8")
  const file = join(directory, "haproxy.cfg")
  const server = new ServerProcess({ name: "HAProxy", command, env, directory, deathSignal: "SIGTERM" })
  try {
    const port = await onFreePort(async (port) => {
      const written = template
        .replace('"${LISTEN}"', `127.0.0.1:${port}`)
        .replace(/ {2}server one .*\n {2}server two .*/, servers)
      await writeFile(file, written)
      await server.start(["-db", "-f", file], () => answersReady(port))
    })
    return { name: "haproxy", url: `http://127.0.0.1:${port}`, stop: () => server.dispose() }
  } catch (cause) {
    await server.dispose()
    throw cause
  }
}
