import { Context, Effect, Layer, Option } from "effect"
import type { AgentDefinition } from "../domain/AgentDefinition.ts"
import type { AgentId, AgentReference } from "../domain/AgentReference.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { AgentNotFound, type AgentVersionConflict } from "../domain/errors/ResourceErrors.ts"
import type { AlreadyExists } from "../domain/errors/StorageErrors.ts"
import type { AgentUpdate, AgentVersion, KeptAgent } from "../domain/KeptAgent.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import { AgentRepository, type StorableAgent } from "../storage/AgentRepository.ts"
import { makeNamedResources, type NamedResources } from "./NamedResources.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"

/** An agent that a request named, in one version. */
export interface NamedAgent {
  readonly name: string
  readonly definition: AgentDefinition
}

/** Agents that a tenant keeps, with all their versions. */
export class Agents extends Context.Service<
  Agents,
  NamedResources<KeptAgent, StorableAgent, AgentNotFound, AlreadyExists | AgentVersionConflict, AgentUpdate> & {
    /** Newest first. */
    versions(
      principal: Principal,
      id: AgentId,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<AgentVersion>, AgentNotFound | ReadFailure>
    /** What a request means by a reference, now. */
    resolve(principal: Principal, reference: AgentReference): Effect.Effect<NamedAgent, AgentNotFound | ReadFailure>
  }
>()("causeway/services/Agents") {
  static readonly layer = Layer.effect(
    Agents,
    Effect.gen(function* () {
      const repository = yield* AgentRepository
      const resources = yield* makeNamedResources(repository, (agent_id) => new AgentNotFound({ agent_id }))

      const named = (agent: KeptAgent | AgentVersion): NamedAgent => {
        const { description, mcp_servers, model, name, prompt, skills, tools } = agent
        return { name, definition: { description, prompt, tools, model, skills, mcp_servers } }
      }

      const resolve = Effect.fn("Agents.resolve")(function* (principal: Principal, reference: AgentReference) {
        if (typeof reference === "string") {
          const [agent] = yield* resources.pick(principal, [reference])
          return agent === undefined ? yield* new AgentNotFound({ agent_id: reference }) : named(agent)
        }
        const { id, version } = reference
        const found = yield* asRead(repository.findVersion(principal.tenant_id, id, version))
        if (Option.isNone(found)) return yield* new AgentNotFound({ agent_id: id })
        return named(found.value)
      })

      return Agents.of({
        ...resources,
        resolve,
        versions: Effect.fn("Agents.versions")(function* (principal, id, position, size) {
          yield* resources.get(principal, id)
          return yield* asRead(repository.versions(principal.tenant_id, id, position, size))
        })
      })
    })
  )
}
