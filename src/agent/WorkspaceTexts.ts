import { Context, Effect, Layer, Option, Schema } from "effect"
import { Yaml } from "effect/encoding"
import { readdir, readFile, realpath, stat } from "node:fs/promises"
import { join, sep } from "node:path"
import type { NamedText } from "../domain/AgentEquipment.ts"
import { ResourceName } from "../domain/ResourceName.ts"
import type { TenantId } from "../domain/Tenant.ts"
import { Workspaces } from "./Workspaces.ts"

/** Which texts of a workspace are meant. */
export type TextKind = "skills" | "commands"

/** Most texts of a kind that are taken from a workspace, and most bytes of each. */
const mostTexts = 100
const mostBytes = 65_536

const isName = Schema.is(ResourceName)
const Frontmatter = Schema.Struct({ description: Schema.String })
const decodeFrontmatter = Schema.decodeUnknownOption(Frontmatter)

/** What an entry of `.claude/skills` or `.claude/commands` is called, and where its text is, below `.claude`. */
const fileOf = (kind: TextKind, entry: string): { readonly name: string; readonly path: string } =>
  kind === "skills"
    ? { name: entry, path: join(kind, entry, "SKILL.md") }
    : { name: /^(.*)\.md$/.exec(entry)?.[1] ?? "", path: join(kind, entry) }

const parseYaml = (text: string): unknown => {
  try {
    return Yaml.parse(text)
  } catch {
    return undefined
  }
}

/** Of the frontmatter only the description counts: what else the CLI would read there could give permissions. */
const textOf = (name: string, file: string): NamedText => {
  const [, head = "", body = file] = /^---\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)([\s\S]*)$/.exec(file) ?? []
  const content = body.trim()
  const described = Option.getOrUndefined(decodeFrontmatter(parseYaml(head)))?.description ?? content.split("\n", 1)[0]
  return { name, description: (described ?? name).trim().slice(0, 1000), content }
}

/** Skills and commands that lie in the `.claude` of a workspace, as files. */
export class WorkspaceTexts extends Context.Service<
  WorkspaceTexts,
  {
    /**
     * Those of a directory, or of the tenant's own when it is undefined, by name. What cannot be read is not there, and
     * neither is what a symbolic link takes from outside of the directory.
     */
    list(tenant: TenantId, directory: string | undefined, kind: TextKind): Effect.Effect<ReadonlyArray<NamedText>>
  }
>()("causeway/agent/WorkspaceTexts") {
  static readonly layer = Layer.effect(
    WorkspaceTexts,
    Effect.gen(function* () {
      const workspaces = yield* Workspaces

      const read = async (workspace: string, name: string, path: string): Promise<ReadonlyArray<NamedText>> => {
        try {
          const file = await realpath(join(workspace, ".claude", path))
          if (!isName(name) || !file.startsWith(workspace + sep)) return []
          const found = await stat(file)
          if (!found.isFile() || found.size > mostBytes) return []
          const text = textOf(name, await readFile(file, "utf8"))
          return text.content === "" ? [] : [text]
        } catch {
          return []
        }
      }

      const readAll = async (workspace: string, kind: TextKind) => {
        const entries = await readdir(join(workspace, ".claude", kind)).catch(() => [])
        const files = entries.toSorted().slice(0, mostTexts)
        const texts = await Promise.all(
          files.map((entry) => {
            const { name, path } = fileOf(kind, entry)
            return read(workspace, name, path)
          })
        )
        return texts.flat()
      }

      return WorkspaceTexts.of({
        list: Effect.fn("WorkspaceTexts.list")((tenant, directory, kind) =>
          workspaces.check(tenant, "body.path", directory ?? ".").pipe(
            Effect.flatMap((workspace) => Effect.promise(() => readAll(workspace, kind))),
            Effect.catch(() => Effect.succeed([]))
          )
        )
      })
    })
  )
}
