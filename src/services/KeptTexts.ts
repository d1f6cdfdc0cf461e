import { Effect } from "effect"
import { WorkspaceTexts, type TextKind } from "../agent/WorkspaceTexts.ts"
import type { NamedText } from "../domain/AgentEquipment.ts"
import type { Principal } from "../domain/ApiKey.ts"
import type { ProjectNotFound } from "../domain/errors/ResourceErrors.ts"
import type { AlreadyExists } from "../domain/errors/StorageErrors.ts"
import { fileIdPrefix, type KeptTextContent, type TextSource } from "../domain/KeptText.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { ProjectId } from "../domain/Project.ts"
import type { KeptTextRecords } from "../storage/KeptTextRecords.ts"
import { makeNamedResources, type NamedResources } from "./NamedResources.ts"
import { Projects } from "./Projects.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** Which texts a list shows. */
export interface KeptTextFilter {
  readonly source?: TextSource
  /** Whose workspace's files; those of the tenant's own directory when absent. */
  readonly project_id?: ProjectId
}

type Common<Item, NotFound, Readonly> = NamedResources<Item, KeptTextContent, NotFound | Readonly, AlreadyExists>

/** Skills or slash commands: those that the tenant keeps here, and, to be read only, those of a workspace's `.claude`. */
export interface KeptTexts<Item, NotFound, Readonly> extends Pick<
  Common<Item, NotFound, Readonly>,
  "create" | "update" | "delete"
> {
  get(
    principal: Principal,
    id: string,
    project: ProjectId | undefined
  ): Effect.Effect<Item, NotFound | ProjectNotFound | ReadFailure>
  /** Those of the workspace are on the first page, before and beyond it. */
  list(
    principal: Principal,
    filter: KeptTextFilter,
    position: PagePosition | null,
    size: number
  ): Effect.Effect<Page<Item>, ProjectNotFound | ReadFailure>
  /** All that agents get. What the tenant keeps here goes before a file of the same name. */
  available(
    principal: Principal,
    project: ProjectId | undefined
  ): Effect.Effect<ReadonlyArray<Item>, ProjectNotFound | ReadFailure>
}

/** Makes what a service of such texts does. */
export const makeKeptTexts = Effect.fnUntraced(function* <
  Item extends { readonly id: string; readonly name: string },
  NotFound,
  Readonly
>(options: {
  readonly records: KeptTextRecords<Item>
  readonly kind: TextKind
  readonly ofFile: (text: NamedText) => Item
  readonly notFound: (id: string) => NotFound
  readonly readOnly: (id: string) => Readonly
}) {
  const { kind, notFound, ofFile, readOnly, records } = options
  const projects = yield* Projects
  const files = yield* WorkspaceTexts
  const resources = yield* makeNamedResources(records, notFound)

  const inWorkspace = Effect.fnUntraced(function* (principal: Principal, project: ProjectId | undefined) {
    const directory = project === undefined ? undefined : (yield* projects.get(principal, project)).path
    return (yield* files.list(principal.tenant_id, directory, kind)).map(ofFile)
  })

  const unlessFile = <A, E>(id: string, change: Effect.Effect<A, E>): Effect.Effect<A, E | Readonly> =>
    id.startsWith(fileIdPrefix) ? Effect.fail(readOnly(id)) : change

  const texts: KeptTexts<Item, NotFound, Readonly> = {
    create: resources.create,
    update: (principal, id, content) => unlessFile(id, resources.update(principal, id, content)),
    delete: (principal, id) => unlessFile(id, resources.delete(principal, id)),
    get: Effect.fnUntraced(function* (principal, id, project) {
      if (!id.startsWith(fileIdPrefix)) return yield* resources.get(principal, id)
      const found = (yield* inWorkspace(principal, project)).find((text) => text.id === id)
      return found ?? (yield* Effect.fail(notFound(id)))
    }),
    list: Effect.fnUntraced(function* (principal, { project_id, source }, position, size) {
      const found = source === "database" || position !== null ? [] : yield* inWorkspace(principal, project_id)
      if (source === "filesystem") return { items: found, next: null }
      const { items, next } = yield* resources.list(principal, position, size)
      return { items: [...found, ...items], next }
    }),
    available: Effect.fnUntraced(function* (principal, project) {
      const [kept, found] = yield* Effect.all(
        [asRead(records.enabled(principal.tenant_id)), inWorkspace(principal, project)],
        { concurrency: 2 }
      )
      const taken = new Set(kept.map(({ name }) => name))
      return [...kept, ...found.filter(({ name }) => !taken.has(name))]
    })
  }
  return texts
})
