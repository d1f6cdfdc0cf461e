import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ApiKey, TenantScope } from "../domain/ApiKey.ts"
import { AlreadyExists } from "../domain/errors/StorageErrors.ts"
import { Tenant, TenantName } from "../domain/Tenant.ts"
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

/** A tenant to be made. Its keys can never be given more than its first one has: nobody else can give it more. */
export const NewTenant = Schema.Struct({
  name: TenantName,
  /** What the first key may do: `admin` and `query` unless given. */
  scopes: Schema.optionalKey(Schema.Array(TenantScope).check(Schema.isMinLength(1), Schema.isUnique()))
}).annotate({ identifier: "NewTenant" })

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
