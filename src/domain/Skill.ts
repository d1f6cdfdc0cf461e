import { Schema } from "effect"
import { KeptTextId, keptTextFields } from "./KeptText.ts"

/** Identifies a skill. */
export const SkillId = KeptTextId.pipe(Schema.brand("SkillId"))
export type SkillId = typeof SkillId.Type

/** A text that an agent reads when it needs it: how something is done. */
export class Skill extends Schema.Class<Skill>("Skill")({ id: SkillId, ...keptTextFields }) {}
