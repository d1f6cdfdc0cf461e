import { Schema } from "effect"
import { KeptTextId, keptTextFields } from "./KeptText.ts"

/** Identifies a slash command. */
export const SlashCommandId = KeptTextId.pipe(Schema.brand("SlashCommandId"))
export type SlashCommandId = typeof SlashCommandId.Type

/** A prompt under a name: `/name arguments` stands for its content. */
export class SlashCommand extends Schema.Class<SlashCommand>("SlashCommand")({
  id: SlashCommandId,
  ...keptTextFields
}) {}
