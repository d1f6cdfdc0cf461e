import type { Behaviour } from "../scripted-model/Script.ts"

/** What the demo asks, in its turns. */
export const prompts = {
  write: "Write a haiku about a lighthouse to haiku.txt, then read the file back to me.",
  remember: "What did I ask you for at first?",
  branch: "This is a branch. Which of my questions do you know here?",
  tell: "By the way: our lighthouse keeper has a dog that is called Fresnel.",
  ask: "What is the name of the keeper's dog?"
} as const

/** What the agent is made to write. */
export const haiku = ["A lamp turns slowly", "over water it can't see", "and someone steers home"].join("\n")

/** What is learned from the conversation that tells it. */
export const fact = "The lighthouse keeper has a dog called Fresnel."

/** A part of the prompt of the model that learns. */
const lesson = "long-term memory"

const pace = { chunk: 4, every: 20 } as const

/**
 * What the scripted model answers. It can only quote what it is sent: the file comes from a real tool's result,
 * and the earlier questions come from the conversation that the agent took up again.
 */
export const story: Behaviour = {
  rules: [
    // What the model that learns is asked has all that was said in it, so it comes first.
    {
      system: lesson,
      prompt: prompts.tell,
      steps: [{ text: JSON.stringify({ facts: [{ text: fact, action: "add", known: null }] }) }]
    },
    {
      system: lesson,
      steps: [{ text: JSON.stringify({ facts: [] }) }]
    },
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
    },
    {
      kind: "main",
      prompt: prompts.tell,
      steps: [{ ...pace, text: "A fine name. I will remember it." }]
    },
    // Only with the memory in its prompt does it know the answer.
    {
      kind: "main",
      prompt: prompts.ask,
      system: fact,
      steps: [{ ...pace, text: "The keeper's dog is called Fresnel." }]
    },
    {
      kind: "main",
      prompt: prompts.ask,
      steps: [{ ...pace, text: "I do not know." }]
    }
  ]
}
