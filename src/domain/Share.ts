import { Schema } from "effect"
import { Moment } from "./Moment.ts"

/** Identifies a share; it is not the token, and of no use to see what is shared. */
export const ShareId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("ShareId"))
export type ShareId = typeof ShareId.Type

/** How long a share holds when its maker says so, in seconds: a minute to 30 days. */
export const ShareSeconds = Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 2_592_000 }))

/** That something is shown to whoever has a token, for a time. The token itself is known to its bearers alone. */
export class Share extends Schema.Class<Share>("Share")({ id: ShareId, created_at: Moment, expires_at: Moment }) {}
