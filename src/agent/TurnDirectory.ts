import { Effect, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { mkdir, readdir, rm, symlink } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { AgentStartFailed } from "../domain/errors/AgentErrors.ts"
import type { TenantId } from "../domain/Tenant.ts"

/** Where one turn's process keeps its things. All but `home` is gone when the turn is. */
export interface TurnDirectory {
  /** The tenant's own, which stays. */
  readonly home: string
  readonly config: string
  readonly temporary: string
  /** For a plugin; made with what is in it. */
  readonly plugin: string
}

/** The CLI's name for the working directory: fixed, so that a conversation does not depend on where it was held. */
export const projectName = "causeway"

const startTime = (pid: number | string): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
  } catch {
    return undefined
  }
}

const owner = `${hostname()}~${process.pid}~${startTime(process.pid) ?? "0"}`

const isAbandoned = (name: string): boolean => {
  const [host, pid, started] = name.split("~")
  return host === hostname() && pid !== undefined && name !== owner && startTime(pid) !== started
}

const turnsOf = (directory: string) => join(directory, "turns")

const attempt = <A>(reason: string, run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => new AgentStartFailed({ reason, cause }) })

/** Removes what processes of this machine left behind that are no more: each removes its own unless it is killed. */
export const removeAbandoned = Effect.fn("TurnDirectory.removeAbandoned")(function* (directory: string) {
  const names = yield* Effect.promise(() => readdir(turnsOf(directory)).catch(() => []))
  for (const name of names.filter(isAbandoned)) {
    yield* Effect.promise(() => rm(join(turnsOf(directory), name), { recursive: true, force: true }).catch(() => {}))
  }
})

const removalRetries = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const

/** What of a tenant's own settings a turn sees that asks for the setting source `user`. */
const userSettingsFiles = ["settings.json", "CLAUDE.md", "agents", "commands", "skills"]

/**
 * Makes a directory for one turn and removes it with the scope. Sessions that share a
 * configuration directory see and can write to each other, so none is shared.
 */
export const makeTurnDirectory: (
  directory: string,
  tenantId: TenantId,
  userSettings: boolean
) => Effect.Effect<TurnDirectory, AgentStartFailed, Scope.Scope> = Effect.fn("TurnDirectory.make")(
  function* (directory, tenantId, userSettings) {
    const tenant = join(directory, "tenants", tenantId)
    const turn = join(turnsOf(directory), owner, randomUUID())
    const paths = { home: join(tenant, "home"), config: join(turn, "config"), temporary: join(turn, "tmp") }
    yield* Effect.addFinalizer(() => Effect.promise(() => rm(turn, removalRetries).catch(() => {})))
    yield* attempt("directory", async () => {
      for (const path of Object.values(paths)) await mkdir(path, { recursive: true, mode: 0o700 })
      if (!userSettings) return
      for (const name of userSettingsFiles) await symlink(join(tenant, "config", name), join(paths.config, name))
    })
    return { ...paths, plugin: join(turn, "plugin") }
  }
)
