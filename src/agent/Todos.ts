import { Option, Predicate, Schema } from "effect"
import type { AgentEvent } from "../domain/Agent.ts"
import { ToolResultBlock, ToolUseBlock } from "../domain/ContentBlock.ts"
import { type Todo, TodoStatus } from "../domain/RunEvent.ts"
import { SdkAssistant, SdkUser } from "./SdkMessages.ts"

/** A tool call of a list, until its result is there. */
interface Call {
  readonly name: string
  readonly input: unknown
}

const decodeAssistant = Schema.decodeUnknownOption(SdkAssistant)
const decodeUser = Schema.decodeUnknownOption(SdkUser)
const isToolUse = Schema.is(ToolUseBlock)
const isToolResult = Schema.is(ToolResultBlock)

const decodeCreated = Schema.decodeUnknownOption(
  Schema.Struct({ task: Schema.Struct({ id: Schema.String, subject: Schema.String }) })
)
const decodeUpdated = Schema.decodeUnknownOption(
  Schema.Struct({
    success: Schema.Literal(true),
    taskId: Schema.String,
    statusChange: Schema.optionalKey(Schema.Struct({ to: Schema.String }))
  })
)
const decodeListed = Schema.decodeUnknownOption(
  Schema.Struct({
    tasks: Schema.Array(Schema.Struct({ id: Schema.String, subject: Schema.String, status: TodoStatus }))
  })
)

const isStatus = Schema.is(TodoStatus)

const textOf = (input: unknown, name: string): string | undefined => {
  const found = Predicate.hasProperty(input, name) ? input[name] : undefined
  return typeof found === "string" ? found : undefined
}

/** Keeps an agent's list of what there is to do, from the calls of its task tools and their results. */
export class Todos {
  readonly #calls = new Map<string, Call>()
  #todos: ReadonlyArray<Todo> = []

  /** Looks at a message; gives the whole list when the message changed it. */
  see(name: string, message: unknown): ReadonlyArray<AgentEvent> {
    if (name === "assistant") this.#seeCalls(message)
    if (name !== "user" || this.#calls.size === 0) return []
    const before = this.#todos
    const user = Option.getOrUndefined(decodeUser(message))
    if (user === undefined || typeof user.message.content === "string") return []
    for (const block of user.message.content) {
      const call = isToolResult(block) ? this.#calls.get(block.tool_use_id) : undefined
      if (call === undefined || !isToolResult(block)) continue
      this.#calls.delete(block.tool_use_id)
      if (block.is_error !== true) this.#apply(call, user.tool_use_result)
    }
    return this.#todos === before ? [] : [{ event: "todo", data: { todos: this.#todos } }]
  }

  #seeCalls(message: unknown): void {
    const content = Option.getOrUndefined(decodeAssistant(message))?.message.content ?? []
    for (const block of content) {
      if (isToolUse(block) && /^Task(Create|Update|List)$/.test(block.name)) this.#calls.set(block.id, block)
    }
  }

  #apply({ input, name }: Call, result: unknown): void {
    switch (name) {
      case "TaskCreate": {
        const created = Option.getOrUndefined(decodeCreated(result))?.task
        if (created === undefined) return
        const active_form = textOf(input, "activeForm") ?? null
        const todo: Todo = { id: created.id, content: created.subject, status: "pending", active_form }
        this.#todos = [...this.#todos.filter(({ id }) => id !== todo.id), todo]
        return
      }
      case "TaskUpdate":
        return this.#update(input, result)
      case "TaskList": {
        const listed = Option.getOrUndefined(decodeListed(result))?.tasks
        if (listed === undefined) return
        const known = new Map(this.#todos.map((todo) => [todo.id, todo]))
        const todos = listed.map(({ id, status, subject }): Todo => ({
          id,
          content: subject,
          status,
          active_form: known.get(id)?.active_form ?? null
        }))
        if (JSON.stringify(todos) !== JSON.stringify(this.#todos)) this.#todos = todos
      }
    }
  }

  #update(input: unknown, result: unknown): void {
    const updated = Option.getOrUndefined(decodeUpdated(result))
    if (updated === undefined) return
    const to = updated.statusChange?.to
    if (to === "deleted") {
      this.#todos = this.#todos.filter(({ id }) => id !== updated.taskId)
      return
    }
    this.#todos = this.#todos.map((todo) =>
      todo.id === updated.taskId
        ? {
            ...todo,
            content: textOf(input, "subject") ?? todo.content,
            active_form: textOf(input, "activeForm") ?? todo.active_form,
            status: isStatus(to) ? to : todo.status
          }
        : todo
    )
  }
}
