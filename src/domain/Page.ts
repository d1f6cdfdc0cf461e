import { Schema } from "effect"

/** How many items a page has: 1 to 100. */
export const PageSize = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))

/** How many items a page has when the client does not say. */
export const defaultPageSize = 50

/**
 * Where a page begins: after the item with this creation time and id. The text form is
 * opaque to clients: base64url of `created_at|id`.
 */
export interface PagePosition {
  /** As PostgreSQL writes a timestamptz, with its microseconds. */
  readonly created_at: string
  readonly id: string
}

/** Part of a list, newest first. */
export interface Page<Item> {
  readonly items: ReadonlyArray<Item>
  readonly next: PagePosition | null
}
