import { Context, Effect, Layer } from "effect"
import { mkdir, realpath, stat } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, normalize, relative, sep } from "node:path"
import { WorkspaceMissing } from "../domain/errors/AgentErrors.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { SessionId } from "../domain/Session.ts"
import { Settings } from "../domain/Settings.ts"
import type { TenantId } from "../domain/Tenant.ts"

const refused = (path: string, message: string) => new ValidationFailed({ issues: [{ path, message }] })

/** Most bytes of a name in a directory. */
const longestName = 255

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const isAbsent = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/** The real path of the deepest part of a path that exists, with the rest appended; undefined where it cannot lead. */
const resolveExisting = async (path: string): Promise<string | undefined> => {
  try {
    return await realpath(path)
  } catch (cause) {
    const parent = dirname(path)
    const name = basename(path)
    if (!isAbsent(cause) || parent === path || Buffer.byteLength(name) > longestName) return undefined
    const resolved = await resolveExisting(parent)
    return resolved === undefined ? undefined : join(resolved, name)
  }
}

const contains = (directory: string, path: string) => path === directory || path.startsWith(directory + sep)

/**
 * Where agents work. Every directory lies in one of the workspace roots after symbolic
 * links are resolved, and is none itself. A directory of a root that is named for a tenant is that tenant's own.
 */
export class Workspaces extends Context.Service<
  Workspaces,
  {
    /**
     * The directory of a new session: the one that is asked for, relative to its project's if it has one; else its
     * project's, or one of its own. Nothing is made yet.
     */
    choose(
      tenant: TenantId,
      session: SessionId,
      asked: string | undefined,
      project: string | undefined
    ): Effect.Effect<string, ValidationFailed>
    /** Whether a directory may be worked in: the tenant's own, which need not exist yet, or one that does. */
    check(tenant: TenantId, field: string, directory: string): Effect.Effect<string, ValidationFailed>
    /** The one way to write a directory that may be worked in: relative to the tenant's own where it lies in that. */
    spell(tenant: TenantId, field: string, directory: string): Effect.Effect<string, ValidationFailed>
    /** Makes a chosen directory if it is one of the tenant's own; others are there already. */
    prepare(tenant: TenantId, directory: string): Effect.Effect<void, WorkspaceMissing>
    /** Directories that are given to an agent beside its own. They must exist. */
    additional(tenant: TenantId, asked: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, ValidationFailed>
  }
>()("causeway/agent/Workspaces") {
  static readonly layer = Layer.effect(
    Workspaces,
    Effect.gen(function* () {
      const { workspaceRoots } = yield* Settings
      const roots = yield* Effect.promise(async () => {
        for (const root of workspaceRoots) await mkdir(root, { recursive: true, mode: 0o700 })
        return Promise.all(workspaceRoots.map((root) => realpath(root)))
      })
      const [home = ""] = roots

      const isForeign = (tenant: TenantId, root: string, path: string) => {
        const [first = ""] = relative(root, path).split(sep)
        return uuid.test(first) && first !== tenant
      }

      const resolve = Effect.fn("Workspaces.resolve")(function* (
        tenant: TenantId,
        field: string,
        asked: string,
        from = join(home, tenant)
      ) {
        const path = yield* Effect.promise(() => resolveExisting(isAbsolute(asked) ? asked : join(from, asked)))
        if (path === undefined) return yield* refused(field, "Cannot be a directory")
        const root = roots.find((root) => contains(root, path))
        // A root itself, or what lies around one, holds the directories of all tenants.
        const holdsAll = roots.some((root) => contains(path, root))
        if (root === undefined || holdsAll || isForeign(tenant, root, path)) {
          return yield* refused(field, "Must lie inside the workspace roots")
        }
        return { path, own: contains(join(root, tenant), path) }
      })

      const requireDirectory = Effect.fnUntraced(function* (field: string, path: string) {
        const isDirectory = yield* Effect.promise(() =>
          stat(path).then(
            (found) => found.isDirectory(),
            () => false
          )
        )
        if (!isDirectory) return yield* refused(field, "Must be a directory that exists")
        return path
      })

      const check = Effect.fn("Workspaces.check")(function* (
        tenant: TenantId,
        field: string,
        asked: string,
        from?: string
      ) {
        const { own, path } = yield* resolve(tenant, field, asked, from)
        return own ? path : yield* requireDirectory(field, path)
      })

      return Workspaces.of({
        check: (tenant, field, directory) => check(tenant, field, directory),
        spell: Effect.fn("Workspaces.spell")(function* (tenant, field, directory) {
          const path = yield* check(tenant, field, directory)
          const own = join(home, tenant)
          return contains(own, path) ? relative(own, path) || "." : normalize(directory).replace(/\/+$/, "")
        }),
        choose: Effect.fn("Workspaces.choose")(function* (tenant, session, asked, project) {
          if (project === undefined) return yield* check(tenant, "body.cwd", asked ?? session)
          const directory = yield* check(tenant, "body.project_id", project)
          return asked === undefined ? directory : yield* check(tenant, "body.cwd", asked, directory)
        }),
        prepare: (tenant, directory) =>
          roots.some((root) => contains(join(root, tenant), directory))
            ? Effect.tryPromise({
                try: () => mkdir(directory, { recursive: true, mode: 0o700 }),
                catch: (cause) => new WorkspaceMissing({ cause })
              }).pipe(Effect.asVoid)
            : Effect.void,
        additional: (tenant, asked) =>
          Effect.forEach(asked, (directory, index) => {
            const field = `body.additional_directories.${index}`
            return Effect.flatMap(resolve(tenant, field, directory), ({ path }) => requireDirectory(field, path))
          })
      })
    })
  )
}
