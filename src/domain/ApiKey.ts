import { Context, Schema } from "effect"
import { Moment } from "./Moment.ts"
import { TenantId } from "./Tenant.ts"

/** Identifies an API key; it is not the key itself and is safe to show. */
export const ApiKeyId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("ApiKeyId"))
export type ApiKeyId = typeof ApiKeyId.Type

/**
 * The SHA-256 of an API key in hexadecimal. Keys are 256 random bits, so a fast
 * hash is enough: there is no dictionary to try against it.
 */
export const ApiKeyHash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)).pipe(Schema.brand("ApiKeyHash"))
export type ApiKeyHash = typeof ApiKeyHash.Type

/**
 * What a key may do.
 *
 * - `operator`: create and list tenants
 * - `admin`: manage its tenant's keys and settings
 * - `query`: run agents and read and change its tenant's sessions; all that `approvals` is, too
 * - `approvals`: read and answer what its tenant's agents ask, see what was allowed for sessions and take it back
 * - `bypass_permissions`: start runs with `permission_mode: bypassPermissions`
 * - `mcp_stdio`: name a program of the server's machine in a request
 * - `expand_prompt`: have `@path` and slash commands in a prompt expanded
 */
export const ApiKeyScope = Schema.Literals([
  "operator",
  "admin",
  "query",
  "approvals",
  "bypass_permissions",
  "mcp_stdio",
  "expand_prompt"
])
export type ApiKeyScope = typeof ApiKeyScope.Type

/** Which scopes another one has in it. */
const included: Partial<Record<ApiKeyScope, ReadonlyArray<ApiKeyScope>>> = { query: ["approvals"] }

/** What a tenant's key may be given: everything but to be the operator's. */
export const TenantScope = Schema.Literals(ApiKeyScope.literals.filter((scope) => scope !== "operator"))

/** What a key is called: 1 to 100 characters. */
export const ApiKeyName = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))

/** A stored API key, without its secret. */
export class ApiKey extends Schema.Class<ApiKey>("ApiKey")({
  id: ApiKeyId,
  name: ApiKeyName,
  scopes: Schema.Array(ApiKeyScope),
  created_at: Moment,
  revoked_at: Schema.NullOr(Moment)
}) {}

/** Who sends a request: the tenant it acts for and what its key allows. */
export class Principal extends Schema.Class<Principal>("Principal")({
  tenant_id: TenantId,
  api_key_id: ApiKeyId,
  api_key_hash: ApiKeyHash,
  scopes: Schema.Array(ApiKeyScope)
}) {
  /** Whether the key carries a scope, or one that has it in it. */
  has(scope: ApiKeyScope): boolean {
    return this.scopes.some((own) => own === scope || included[own]?.includes(scope) === true)
  }
}

/** The principal of the request that is being handled. */
export class CurrentPrincipal extends Context.Service<CurrentPrincipal, Principal>()(
  "causeway/domain/ApiKey/CurrentPrincipal"
) {}
