import { Effect, Option, Schedule, Schema, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { dirname } from "node:path"

/** Another process has the embedded database open. */
export class DatabaseInUse extends Schema.TaggedError<DatabaseInUse>()("DatabaseInUse", {
  directory: Schema.String,
  pid: Schema.Int
}) {
  override get message() {
    return `${this.directory} is in use by process ${this.pid}: stop it, or set DATA_DIR to another directory.`
  }
}

/** The directory of the embedded database cannot be used. */
export class DirectoryUnusable extends Schema.TaggedError<DirectoryUnusable>()("DirectoryUnusable", {
  directory: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.directory} cannot be used: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Who holds a lock. A pid says little: it is used again, and each container has its own. */
const Holder = Schema.Struct({
  token: Schema.String,
  pid: Schema.Int,
  /** When the process started, in the kernel's ticks; null where /proc does not tell. */
  started: Schema.NullOr(Schema.String),
  /** Which run of the machine and which pid namespace the pid belongs to. */
  machine: Schema.NullOr(Schema.String)
})
type Holder = typeof Holder.Type

const HolderText = Schema.fromJsonString(Holder)
const heartbeat = 1000
/** How long an unseen holder may keep still: a long statement keeps its whole process from touching the file. */
const patience = 5 * heartbeat

const attempt = <A>(read: () => A): A | null => {
  try {
    return read()
  } catch {
    return null
  }
}

const startOf = (pid: number): string | null =>
  // The second field is the program's name in parentheses, which may hold spaces itself; the start is the 22nd.
  attempt(
    () =>
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[19] ?? null
  )

const thisMachine = (): string | null =>
  attempt(
    () => `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`
  )

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // EPERM: it is there and somebody else's.
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

const holderOf = (file: string): Holder | null =>
  attempt(() => Option.getOrNull(Schema.decodeUnknownOption(HolderText)(readFileSync(file, "utf8"))))

const ageOf = (file: string): number | null => attempt(() => statSync(file).mtimeMs)

/** Whether the holder is alive: by its process where that can be seen, otherwise by whether it still touches the file. */
const isHeld = Effect.fnUntraced(function* (file: string, holder: Holder | null) {
  if (holder !== null && holder.machine === thisMachine()) {
    return isAlive(holder.pid) && (holder.started === null || holder.started === startOf(holder.pid))
  }
  const before = ageOf(file)
  yield* Effect.sleep(patience)
  return before !== ageOf(file)
})

/** Moves away the lock of a holder that is gone, unless somebody else just did and took it. */
const removeStale = (file: string, holder: Holder | null): void => {
  const away = `${file}.${randomUUID()}`
  try {
    renameSync(file, away)
  } catch {
    return
  }
  if (holderOf(away)?.token !== holder?.token) attempt(() => linkSync(away, file))
  rmSync(away, { force: true })
}

/** Makes the lock with its content in one step, so that nobody sees it half written. */
const create = (file: string, holder: Holder): boolean => {
  const draft = `${file}.${holder.token}`
  writeFileSync(draft, JSON.stringify(holder))
  try {
    linkSync(draft, file)
    return true
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return false
    throw cause
  } finally {
    rmSync(draft, { force: true })
  }
}

/**
 * Keeps other processes from using what belongs to `file` until the scope closes. A lock whose holder was killed
 * is taken over.
 */
export const lockDirectory = (file: string): Effect.Effect<void, DatabaseInUse | DirectoryUnusable, Scope.Scope> => {
  const directory = dirname(file)
  const usable = <A>(use: () => A) =>
    Effect.try({ try: use, catch: (cause) => new DirectoryUnusable({ directory, cause }) })

  const take = Effect.fnUntraced(function* () {
    const own = { token: randomUUID(), pid: process.pid, started: startOf(process.pid), machine: thisMachine() }
    yield* usable(() => mkdirSync(directory, { recursive: true, mode: 0o700 }))
    if (!(yield* usable(() => create(file, own)))) {
      const holder = holderOf(file)
      const inUse = new DatabaseInUse({ directory, pid: holder?.pid ?? 0 })
      if (yield* isHeld(file, holder)) return yield* inUse
      yield* usable(() => removeStale(file, holder))
      if (!(yield* usable(() => create(file, own)))) return yield* inUse
    }
    return own
  })

  return Effect.acquireRelease(take(), (own) =>
    Effect.sync(() => {
      if (holderOf(file)?.token === own.token) rmSync(file, { force: true })
    })
  ).pipe(
    Effect.andThen(
      Effect.sync(() => attempt(() => utimesSync(file, new Date(), new Date()))).pipe(
        Effect.repeat(Schedule.spaced(heartbeat)),
        Effect.forkScoped
      )
    ),
    Effect.asVoid
  )
}
