import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { Socket } from "node:net"

// Reads pids, one a line, until the launching process closes the pipe or dies; an empty line means that no server
// runs. SIGCONT comes first because a suspended server does not act on any signal but SIGKILL.
const script = `
exec 2>/dev/null
runs() {
  kill -0 "$server" || return 1
  read -r _ _ state _ <"/proc/$server/stat" || state=
  [ "$state" != Z ]
}
while read -r line; do server=$line; done
if [ -n "$server" ]; then
  children=$(cat "/proc/$server/task/$server/children" || pgrep -P "$server")
  kill -s CONT $server $children
  kill -s "$2" $server
  tries=0
  while runs && [ $tries -lt 20 ]; do sleep 0.05; tries=$((tries + 1)); done
  kill -s KILL $server $children
fi
rm -rf -- "$1" || { sleep 0.2; rm -rf -- "$1"; }
`

/**
 * A shell that outlives this process and then ends its server and removes the
 * server's directory. It does what neither an exit handler (kill -9) nor the
 * parent death signal (a suspended server, its children, the files) can.
 */
export class Guard {
  readonly #shell: ChildProcess

  constructor(directory: string, deathSignal: NodeJS.Signals) {
    this.#shell = spawn("/bin/sh", ["-c", script, "guard", directory, deathSignal.replace(/^SIG/, "")], {
      cwd: "/",
      // A session of its own: Ctrl-C in the terminal must not reach it.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"]
    })
    this.#shell.unref()
    const { stdin } = this.#shell
    if (stdin instanceof Socket) stdin.unref()
    stdin?.on("error", () => undefined)
  }

  /** Tells which server runs now, or that none does. */
  watch(pid: number | undefined): void {
    this.#shell.stdin?.write(`${pid ?? ""}\n`)
  }

  /** Ends the guard, which removes the directory. */
  async release(): Promise<void> {
    const { exitCode, signalCode } = this.#shell
    if (exitCode !== null || signalCode !== null) return
    this.#shell.ref()
    const exited = once(this.#shell, "exit")
    this.#shell.stdin?.end()
    await exited
  }
}
