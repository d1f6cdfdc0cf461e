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

const configuration = join(import.meta.dirname, "../../ops/nginx.conf")

/** nginx on PATH, else in Debian's packages. */
const findNginx = async (): Promise<string> => {
  const installed = findOnPath("nginx")
  if (installed !== undefined) return installed
  const inRoot = (root: string) => join(root, "usr/sbin/nginx")
  const root = await fetchDebianProgram({
    name: "nginx",
    packages: ["nginx"],
    executable: "usr/sbin/nginx",
    probe: (root) => run(inRoot(root), ["-v"])
  })
  return inRoot(root)
}

/** nginx with the configuration of `ops`. */
export const startNginx = async (ports: ReadonlyArray<number>): Promise<Balancer> => {
  const command = await findNginx()
  const directory = await realpath(await mkdtemp(join(tmpdir(), "causeway-nginx-")))
  const servers = ports.map((port) => `    server 127.0.0.1:${port} max_fails=1 fail_timeout=2s;`).join("\n")
  const template = await readFile(configuration, "utf8")
  const file = join(directory, "nginx.conf")
  const server = new ServerProcess({ name: "nginx", command, env: {}, directory, deathSignal: "SIGTERM" })
  try {
    const port = await onFreePort(async (port) => {
      const written = template
        .replace("listen 127.0.0.1:8080;", `listen 127.0.0.1:${port};`)
        .replace(/( {4}server 127\.0\.0\.1:\d+ .*\n)+/, `${servers}\n`)
      await writeFile(file, written)
      await server.start(["-p", directory, "-c", file, "-g", "daemon off;"], () => answersReady(port))
    })
    return { name: "nginx", url: `http://127.0.0.1:${port}`, stop: () => server.dispose() }
  } catch (cause) {
    await server.dispose()
    throw cause
  }
}
