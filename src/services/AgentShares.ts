import { Context, type DateTime, Effect, Layer, Option, type Redacted } from "effect"
import type { AgentId } from "../domain/AgentReference.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { AgentNotFound, AgentShareNotFound, type ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import type { AgentVersionConflict } from "../domain/errors/ResourceErrors.ts"
import type { AlreadyExists, DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { KeptAgent } from "../domain/KeptAgent.ts"
import { AgentShareRepository, type ShareTerm } from "../storage/AgentShareRepository.ts"
import { Agents } from "./Agents.ts"
import { makeSecrets } from "./ApiKeySecrets.ts"

/** A share that was just made. Its token can be seen here and never again. */
export interface IssuedAgentShare extends ShareTerm {
  readonly token: Redacted.Redacted
}

/** An agent that is seen under a token. */
export interface SharedAgent {
  readonly agent: KeptAgent
  readonly expires_at: DateTime.Utc
}

type FindFailure = AgentShareNotFound | DatabaseFailure

/** Agents that a tenant shows to others, for a time. */
export class AgentShares extends Context.Service<
  AgentShares,
  {
    /** Lets everybody who has the token, and a key of any tenant, see an agent for so many seconds. */
    share(
      principal: Principal,
      id: AgentId,
      seconds: number
    ): Effect.Effect<IssuedAgentShare, AgentNotFound | DatabaseFailure>
    /** Takes all shares of an agent back. */
    revoke(principal: Principal, id: AgentId): Effect.Effect<void, AgentNotFound | DatabaseFailure>
    /** What a token shows, whosever it is: the agent in its latest version. */
    find(token: Redacted.Redacted): Effect.Effect<SharedAgent, FindFailure>
    /** Copies what a token shows into the principal's tenant, under another name if one is given. */
    copy(
      principal: Principal,
      token: Redacted.Redacted,
      name: string | undefined
    ): Effect.Effect<KeptAgent, FindFailure | AlreadyExists | AgentVersionConflict | ResourceLimitReached>
  }
>()("causeway/services/AgentShares") {
  static readonly layer = Layer.effect(
    AgentShares,
    Effect.gen(function* () {
      const repository = yield* AgentShareRepository
      const agents = yield* Agents
      const secrets = yield* makeSecrets

      const find = Effect.fn("AgentShares.find")(function* (token: Redacted.Redacted) {
        const found = yield* repository.find(yield* secrets.hash(token))
        if (Option.isNone(found)) return yield* new AgentShareNotFound()
        return found.value
      })

      return AgentShares.of({
        find,
        share: Effect.fn("AgentShares.share")(function* ({ tenant_id }, id, seconds) {
          const { hash, secret } = yield* secrets.issue
          const term = yield* repository.create(tenant_id, id, hash, seconds)
          if (Option.isNone(term)) return yield* new AgentNotFound({ agent_id: id })
          return { token: secret, ...term.value }
        }),
        revoke: Effect.fn("AgentShares.revoke")(function* ({ tenant_id }, id) {
          if (!(yield* repository.revoke(tenant_id, id))) return yield* new AgentNotFound({ agent_id: id })
        }),
        copy: Effect.fn("AgentShares.copy")(function* (principal, token, name) {
          const { agent } = yield* find(token)
          // Its skills are the other tenant's.
          const { description, model, prompt, tools } = agent
          return yield* agents.create(principal, { name: name ?? agent.name, description, prompt, tools, model })
        })
      })
    })
  )
}
