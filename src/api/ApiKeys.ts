import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
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
    }),
    HttpApiEndpoint.get("list", "/api-keys", {
      query: pageParameters,
      success: ApiKeyList,
      error: readProblems
    }),
    HttpApiEndpoint.delete("revoke", "/api-keys/:id", {
      params: { id: ApiKeyId },
      success: ApiKey,
      error: [problem(ApiKeyNotFound), ...writeProblems]
    })
  )
  .annotateEndpoints(RequiredScope, "admin")
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1") {}
