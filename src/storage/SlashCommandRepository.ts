import { Context, Layer } from "effect"
import { SlashCommand } from "../domain/SlashCommand.ts"
import { type KeptTextRecords, makeKeptTextRecords } from "./KeptTextRecords.ts"

/** Slash commands in PostgreSQL. */
export class SlashCommandRepository extends Context.Service<SlashCommandRepository, KeptTextRecords<SlashCommand>>()(
  "causeway/storage/SlashCommandRepository"
) {
  /** Over a database that is up to date. */
  static readonly layer = Layer.effect(
    SlashCommandRepository,
    makeKeptTextRecords("SlashCommandRepository", {
      table: "slash_commands",
      resource: "slash command",
      item: SlashCommand
    })
  )
}
