import { Schema } from "effect"
import { Moment } from "./Moment.ts"

/** Identifies a tenant: the owner of sessions, runs, keys and everything else that is stored. */
export const TenantId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("TenantId"))
export type TenantId = typeof TenantId.Type

/** What a tenant is called: 1 to 100 characters, unique in an installation. */
export const TenantName = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))

/** A tenant as the operator sees it. */
export class Tenant extends Schema.Class<Tenant>("Tenant")({
  id: TenantId,
  name: TenantName,
  created_at: Moment
}) {}
