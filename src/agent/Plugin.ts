import { Effect } from "effect"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { AgentEquipment, NamedText } from "../domain/AgentEquipment.ts"
import { AgentStartFailed } from "../domain/errors/AgentErrors.ts"

/** The plugin's name: before each of its skills and commands, as in `causeway:review`. */
export const pluginName = "causeway"

/** The name under which the CLI knows a skill or a command of the plugin. */
export const qualified = (name: string): string => `${pluginName}:${name}`

/** Whether there is anything to put into a plugin. */
export const hasPlugin = ({ commands, skills }: AgentEquipment): boolean => skills.length + commands.length > 0

/**
 * JSON is YAML: whatever a description holds, it stays one. The CLI ends the frontmatter at any three hyphens, so
 * there are none in it; the name is that of the file.
 */
const withFrontmatter = ({ content, description }: NamedText): string =>
  `---\ndescription: ${JSON.stringify(description).replaceAll("--", "-\\u002d")}\n---\n\n${content}\n`

/**
 * Writes skills and commands as a local plugin into a directory of the turn's own. The agent needs nothing else for
 * them, so they are the same in a turn that goes on on another machine.
 */
export const writePlugin = Effect.fn("Plugin.write")((equipment: AgentEquipment, directory: string) =>
  Effect.tryPromise({
    try: async () => {
      const write = async (path: string, text: string) => {
        const file = join(directory, path)
        await mkdir(dirname(file), { recursive: true, mode: 0o700 })
        await writeFile(file, text, { mode: 0o600 })
      }
      await write(join(".claude-plugin", "plugin.json"), JSON.stringify({ name: pluginName, version: "1.0.0" }))
      for (const skill of equipment.skills) {
        await write(join("skills", skill.name, "SKILL.md"), withFrontmatter(skill))
      }
      for (const command of equipment.commands) {
        await write(join("commands", `${command.name}.md`), withFrontmatter(command))
      }
    },
    catch: (cause) => new AgentStartFailed({ reason: "plugin", cause })
  })
)
