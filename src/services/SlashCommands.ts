import { Context, Effect, Layer } from "effect"
import { SlashCommandNotFound, SlashCommandReadonly } from "../domain/errors/ResourceErrors.ts"
import { fileIdPrefix } from "../domain/KeptText.ts"
import { SlashCommand, SlashCommandId } from "../domain/SlashCommand.ts"
import { SlashCommandRepository } from "../storage/SlashCommandRepository.ts"
import { type KeptTexts, makeKeptTexts } from "./KeptTexts.ts"

/** Slash commands of a tenant, and those of its workspaces. */
export class SlashCommands extends Context.Service<
  SlashCommands,
  KeptTexts<SlashCommand, SlashCommandNotFound, SlashCommandReadonly>
>()("causeway/services/SlashCommands") {
  static readonly layer = Layer.effect(
    SlashCommands,
    Effect.flatMap(SlashCommandRepository, (records) =>
      makeKeptTexts({
        records,
        kind: "commands",
        ofFile: (text) =>
          new SlashCommand({
            ...text,
            id: SlashCommandId.make(fileIdPrefix + text.name),
            enabled: true,
            source: "filesystem",
            created_at: null,
            updated_at: null
          }),
        notFound: (slash_command_id) => new SlashCommandNotFound({ slash_command_id }),
        readOnly: (slash_command_id) => new SlashCommandReadonly({ slash_command_id })
      })
    )
  )
}
