import { Context, Layer } from "effect"
import { KeptAgent } from "../domain/KeptAgent.ts"
import { agentColumns } from "./AgentRepository.ts"
import { makeShareRecords, type ShareRecords } from "./ShareRecords.ts"

/** Shares of agents in PostgreSQL. Agents are named by their ids. */
export class AgentShareRepository extends Context.Service<AgentShareRepository, ShareRecords<KeptAgent>>()(
  "causeway/storage/AgentShareRepository"
) {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    AgentShareRepository,
    makeShareRecords({
      repository: "AgentShareRepository",
      table: "agent_shares",
      reference: "agent_id",
      subjects: { table: "agents", key: "id", columns: agentColumns, schema: KeptAgent }
    })
  )
}
