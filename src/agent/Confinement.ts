import { Effect } from "effect"
import { execFile } from "node:child_process"

/** What a command is wrapped in, so that none of its processes outlives this one. */
export interface Confinement {
  readonly wrap: ReadonlyArray<string>
  /** Whether killing the wrapper ends every process inside, also those that hid from their parents. */
  readonly complete: boolean
}

const dieWithParent = ["setpriv", "--pdeathsig", "KILL", "--"]
const ownProcesses = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"]

/** The namespace's first process: it takes in orphans, and says by its exit code how the agent ended, which `unshare` does not. */
const firstProcess = ["sh", "-c", '"$@"; exit $?', "sh"]

const candidates: ReadonlyArray<Confinement> = [
  { wrap: [...dieWithParent, ...ownProcesses, ...firstProcess], complete: true },
  {
    // Without rights of its own a process may have them in a user namespace; the agent does not get to keep them.
    wrap: [
      "unshare",
      "--user",
      "--map-current-user",
      "--keep-caps",
      "--",
      ...dieWithParent,
      ...ownProcesses,
      "setpriv",
      "--inh-caps=-all",
      "--ambient-caps=-all",
      "--bounding-set=-all",
      "--",
      ...firstProcess
    ],
    complete: true
  },
  { wrap: dieWithParent, complete: false }
]

const works = ({ wrap: [command = "", ...rest] }: Confinement) =>
  Effect.callback<boolean>((resume) => {
    execFile(command, [...rest, "true"], { timeout: 5000 }, (error) => resume(Effect.succeed(error === null)))
  })

/** Finds the best confinement that this machine allows, and warns where it is less than complete. */
export const findConfinement = Effect.gen(function* () {
  for (const candidate of process.platform === "linux" ? candidates : []) {
    if (!(yield* works(candidate))) continue
    if (!candidate.complete) {
      yield* Effect.logWarning(
        "No PID namespace may be made here: a program that an agent sends to the background and detaches can outlive it."
      )
    }
    return candidate
  }
  yield* Effect.logWarning("There is no setpriv here: agents outlive a service that is killed with SIGKILL.")
  return { wrap: [], complete: false }
})
