import { Schema } from "effect"

const ToolRule = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(500))

/** Names of tools, or rules about them such as `Bash(git status)`: up to 200. */
export const ToolRules = Schema.Array(ToolRule).check(Schema.isMaxLength(200))
