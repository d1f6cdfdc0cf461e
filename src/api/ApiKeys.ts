import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ApiKey, ApiKeyId, ApiKeyName, ApiKeyScope } from "../domain/ApiKey.ts"
import { Forbidden } from "../domain/errors/RequestErrors.ts"
import { ApiKeyNotFound } from "../domain/errors/SessionErrors.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"
import { IssuedApiKey } from "./Tenants.ts"

/** A page of a tenant's keys, newest first. */
export const ApiKeyList = Schema.Struct({ api_keys: Schema.Array(ApiKey), ...pageFields }).annotate({
  identifier: "ApiKeyList"
})

/** A key to be made. Nobody gives a scope that the own key lacks. */
export const NewApiKey = Schema.Struct({
  name: ApiKeyName,
  scopes: Schema.Array(ApiKeyScope).check(Schema.isMinLength(1), Schema.isUnique())
}).annotate({ identifier: "NewApiKey" })

/** A tenant's own keys, for its administrators. */
export class ApiKeysApi extends HttpApiGroup.make("apiKeys")
  .add(
    HttpApiEndpoint.post("create", "/api-keys", {
      payload: NewApiKey,
      success: IssuedApiKey.pipe(HttpApiSchema.status(201)),
      error: [problem(Forbidden), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({ summary: "Create an API key", description: "Its secret is shown this once." })
    ),
    HttpApiEndpoint.get("list", "/api-keys", {
      query: pageParameters,
      success: ApiKeyList,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "List API keys" })),
    HttpApiEndpoint.delete("revoke", "/api-keys/:id", {
      params: { id: ApiKeyId },
      success: ApiKey,
      error: [problem(ApiKeyNotFound), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Revoke an API key",
        description: "From the answer on it opens nothing on this instance, and on others within seconds."
      })
    )
  )
  .annotateEndpoints(RequiredScope, "admin")
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "API keys",
      description: "The keys of a tenant, for its administrators; needs the scope `admin`."
    })
  ) {}
