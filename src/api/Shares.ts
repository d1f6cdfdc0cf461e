import { Schema } from "effect"
import { Share, ShareSeconds } from "../domain/Share.ts"
import { pageFields } from "./Paging.ts"

/** Query parameters of a request that shares something. */
export const shareParameters = {
  /** How long the token holds: a minute to 30 days; SHARE_LIFE when absent. */
  expires_in_seconds: Schema.optionalKey(ShareSeconds)
} as const

/** A token under which something can be seen. It is the key of a share: nobody can see it again. */
export const ShareToken = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,200}$/))

/** A page of shares that hold, newest first. */
export const ShareList = Schema.Struct({ shares: Schema.Array(Share), ...pageFields }).annotate({
  identifier: "ShareList"
})
