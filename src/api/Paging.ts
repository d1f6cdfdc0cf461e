import { Schema } from "effect"
import { PageSize } from "../domain/Page.ts"

/** Query parameters of every list. */
export const pageParameters = {
  /** How many items, 1 to 100; 50 when absent. */
  page_size: Schema.optionalKey(PageSize),
  /** `next_cursor` of the page before. */
  cursor: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(500)))
} as const

/** What every list says beside its items. */
export const pageFields = {
  /** Pass it as `cursor` to get the next page; null on the last one. */
  next_cursor: Schema.NullOr(Schema.String),
  has_more: Schema.Boolean
} as const
