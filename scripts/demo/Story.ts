import type { Behaviour } from "../scripted-model/Script.ts"

/** What the demo asks, in its three turns. */
export const prompts = {
  write: "Write a haiku about a lighthouse to haiku.txt, then read the file back to me.",
  remember: "What did I ask you for at first?",
  branch: "This is a branch. Which of my questions do you know here?"
} as const

/** What the agent is made to write. */
export const haiku = ["A lamp turns slowly", "over water it can't see", "and someone steers home"].join("\n")

const pace = { chunk: 4, every: 20 } as const

/**
 * What the scripted model answers. It can only quote what it is sent: the file comes from a real tool's result,
 * and the earlier questions come from the conversation that the agent took up again.
 */
export const story: Behaviour = {
  rules: [
    {
      kind: "main",
      prompt: prompts.write,
      steps: [
        {
          ...pace,
          text: "I write it down first.",
          tool: "Write",
          input: { file_path: "haiku.txt", content: haiku }
        },
        { ...pace, text: "Now I read it back.", tool: "Read", input: { file_path: "haiku.txt" } },
        { ...pace, text: "The file says:\n{{last_tool_result}}" }
      ]
    },
    {
      kind: "main",
      prompt: prompts.remember,
      steps: [{ ...pace, text: 'You asked me: "{{user.0}}"' }]
    },
    {
      kind: "main",
      prompt: prompts.branch,
      steps: [{ ...pace, text: 'Two from before: "{{user.0}}" and "{{user.1}}"' }]
    }
  ]
}
