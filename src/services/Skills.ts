import { Context, Effect, Layer } from "effect"
import { SkillNotFound, SkillReadonly } from "../domain/errors/ResourceErrors.ts"
import { fileIdPrefix } from "../domain/KeptText.ts"
import { Skill, SkillId } from "../domain/Skill.ts"
import { SkillRepository } from "../storage/SkillRepository.ts"
import { type KeptTexts, makeKeptTexts } from "./KeptTexts.ts"

/** Skills of a tenant, and those of its workspaces. */
export class Skills extends Context.Service<Skills, KeptTexts<Skill, SkillNotFound, SkillReadonly>>()(
  "causeway/services/Skills"
) {
  static readonly layer = Layer.effect(
    Skills,
    Effect.flatMap(SkillRepository, (records) =>
      makeKeptTexts({
        records,
        kind: "skills",
        ofFile: (text) =>
          new Skill({
            ...text,
            id: SkillId.make(fileIdPrefix + text.name),
            enabled: true,
            source: "filesystem",
            created_at: null,
            updated_at: null
          }),
        notFound: (skill_id) => new SkillNotFound({ skill_id }),
        readOnly: (skill_id) => new SkillReadonly({ skill_id })
      })
    )
  )
}
