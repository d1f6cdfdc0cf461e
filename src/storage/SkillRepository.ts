import { Context, Layer } from "effect"
import { Skill } from "../domain/Skill.ts"
import { type KeptTextRecords, makeKeptTextRecords } from "./KeptTextRecords.ts"

/** Skills in PostgreSQL. */
export class SkillRepository extends Context.Service<SkillRepository, KeptTextRecords<Skill>>()(
  "causeway/storage/SkillRepository"
) {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    SkillRepository,
    makeKeptTextRecords("SkillRepository", { table: "skills", resource: "skill", item: Skill })
  )
}
