import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ApiKey, ApiKeyName, TenantScope } from "../domain/ApiKey.ts"
import { TenantNotFound } from "../domain/errors/BudgetErrors.ts"
import { AlreadyExists } from "../domain/errors/StorageErrors.ts"
import { Tenant, TenantId, TenantName } from "../domain/Tenant.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

/** A key with its secret, which is shown this once. */
export const IssuedApiKey = Schema.Struct({
  ...ApiKey.fields,
  key: Schema.String
}).annotate({ identifier: "IssuedApiKey" })

const scopes = Schema.Array(TenantScope).check(Schema.isMinLength(1), Schema.isUnique())

/** A tenant to be made. Its administrators can give no key a scope that theirs lack; the operator can. */
export const NewTenant = Schema.Struct({
  name: TenantName,
  /** What the first key may do: `admin` and `query` unless given. */
  scopes: Schema.optionalKey(scopes)
}).annotate({ identifier: "NewTenant" })

/** A key that the operator makes for a tenant. */
export const NewTenantKey = Schema.Struct({ name: ApiKeyName, scopes }).annotate({ identifier: "NewTenantKey" })

/** A new tenant with its first key. */
export const IssuedTenant = Schema.Struct({
  ...Tenant.fields,
  api_key: IssuedApiKey
}).annotate({ identifier: "IssuedTenant" })

/** A page of tenants, newest first. */
export const TenantList = Schema.Struct({ tenants: Schema.Array(Tenant), ...pageFields }).annotate({
  identifier: "TenantList"
})

/** Tenants, for the operator. */
export class TenantsApi extends HttpApiGroup.make("tenants")
  .add(
    HttpApiEndpoint.post("create", "/tenants", {
      payload: NewTenant,
      success: IssuedTenant.pipe(HttpApiSchema.status(201)),
      error: [problem(AlreadyExists), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Create a tenant",
        description:
          "With its first key, whose secret is shown this once. The key has the scopes `admin` and `query`, or those of `scopes`; the tenant's own administrators can give other keys no scope that theirs lack."
      })
    ),
    HttpApiEndpoint.post("createKey", "/tenants/:id/api-keys", {
      params: { id: TenantId },
      payload: NewTenantKey,
      success: IssuedApiKey.pipe(HttpApiSchema.status(201)),
      error: [problem(TenantNotFound), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Create an API key of a tenant",
        description:
          "With any scopes but the operator's: also such as no administrator of the tenant can give, `mcp_stdio` for one, and where the tenant has lost its keys. Its secret is shown this once."
      })
    ),
    HttpApiEndpoint.get("list", "/tenants", {
      query: pageParameters,
      success: TenantList,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "List tenants" }))
  )
  .annotateEndpoints(RequiredScope, "operator")
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({ title: "Tenants", description: "Tenants, for the operator; needs the scope `operator`." })
  ) {}
