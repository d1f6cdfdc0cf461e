import { Context, Effect, Layer, type Redacted } from "effect"
import type { Principal } from "../domain/ApiKey.ts"
import {
  AgentNotFound,
  AgentShareNotFound,
  type AgentVersionConflict,
  type ResourceLimitReached
} from "../domain/errors/ResourceErrors.ts"
import type { AlreadyExists, DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { KeptAgent } from "../domain/KeptAgent.ts"
import { AgentShareRepository } from "../storage/AgentShareRepository.ts"
import { Agents } from "./Agents.ts"
import { makeShares, type Shares } from "./Shares.ts"

/** Agents that a tenant shows to others, for a time: each in its latest version. */
export class AgentShares extends Context.Service<
  AgentShares,
  Shares<KeptAgent, AgentNotFound, AgentShareNotFound> & {
    /** Copies what a token shows into the principal's tenant, under another name if one is given. */
    copy(
      principal: Principal,
      token: Redacted.Redacted,
      name: string | undefined
    ): Effect.Effect<
      KeptAgent,
      AgentShareNotFound | AlreadyExists | AgentVersionConflict | ResourceLimitReached | DatabaseFailure
    >
  }
>()("causeway/services/AgentShares") {
  static readonly layer = Layer.effect(
    AgentShares,
    Effect.gen(function* () {
      const agents = yield* Agents
      const shares = yield* makeShares(yield* AgentShareRepository, {
        notFound: (agent_id) => new AgentNotFound({ agent_id }),
        notShared: () => new AgentShareNotFound()
      })

      return AgentShares.of({
        ...shares,
        copy: Effect.fn("AgentShares.copy")(function* (principal, token, name) {
          const { subject } = yield* shares.find(token)
          // Its skills and MCP servers are the other tenant's.
          const { description, model, prompt, tools } = subject
          return yield* agents.create(principal, { name: name ?? subject.name, description, prompt, tools, model })
        })
      })
    })
  )
}
