import { Schema } from "effect"

/** A text that says something, in at most so many characters. */
export const spoken = (maximum: number) =>
  Schema.String.check(
    Schema.isMinLength(1),
    Schema.isMaxLength(maximum),
    Schema.isPattern(/\S/, { message: "is blank" })
  )
