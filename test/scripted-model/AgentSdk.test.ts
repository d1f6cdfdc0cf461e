import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { query, type SDKResultMessage } from "@anthropic-ai/claude-agent-sdk"
import { assert, it } from "vitest"
import { startScriptedModel } from "../../scripts/scripted-model/ScriptedModel.ts"

it("scripts a turn of the real Agent SDK with two tools, and one more after a resume", async () => {
  const model = await startScriptedModel()
  const directory = await mkdtemp(join(tmpdir(), "scripted-model-"))
  const note = join(directory, "note.txt")

  const ask = async (prompt: string, steps: ReadonlyArray<object>, resume?: string): Promise<SDKResultMessage> => {
    const messages = query({
      prompt: `${prompt} <script>${JSON.stringify(steps)}</script>`,
      options: {
        cwd: directory,
        settingSources: [],
        tools: ["Read", "Write"],
        permissionMode: "acceptEdits",
        ...(resume === undefined ? {} : { resume }),
        env: {
          PATH: process.env.PATH,
          HOME: directory,
          CLAUDE_CONFIG_DIR: join(directory, "config"),
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
          CLAUDE_CODE_MAX_RETRIES: "1",
          ANTHROPIC_BASE_URL: model.url,
          ANTHROPIC_API_KEY: "anything"
        }
      }
    })
    for await (const message of messages) if (message.type === "result") return message
    return assert.fail("There is no result")
  }

  try {
    const first = await ask("My word is fig.", [
      { thinking: "A note", text: "Writing.", tool: "Write", input: { file_path: note, content: "{{prompt}}" } },
      { tool: "Read", input: { file_path: note } },
      { text: "The file says {{last_tool_result}}" }
    ])
    assert(first.subtype === "success")
    assert.include(first.result, "My word is fig.")
    assert.strictEqual(await readFile(note, "utf8"), "My word is fig.")

    const second = await ask("Which word?", [{ recall: true }], first.session_id)
    assert(second.subtype === "success")
    assert.strictEqual(second.result, "Before this you said: [0] My word is fig.")
    assert.deepEqual(
      model.requests().map(({ kind, step, sessionId }) => [kind, step, sessionId === first.session_id]),
      [0, 1, 2, 0].map((step) => ["main", step, true])
    )
  } finally {
    await model.stop()
    await rm(directory, { recursive: true, force: true })
  }
}, 30_000)
