import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import { SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { WebhookNotFound } from "../domain/errors/WebhookErrors.ts"
import { NewWebhook, SecretRotation, Webhook, WebhookChange, WebhookId } from "../domain/Webhook.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: WebhookId }
const absent = problem(WebhookNotFound)
const unreadable = problem(SecretUnreadable)

/** A webhook with its secret, which is shown this once. */
export const IssuedWebhook = Schema.Struct({ ...Webhook.fields, secret: Schema.String }).annotate({
  identifier: "IssuedWebhook"
})

/** A page of webhooks, newest first. */
export const WebhookList = Schema.Struct({ webhooks: Schema.Array(Webhook), ...pageFields }).annotate({
  identifier: "WebhookList"
})

/** Webhooks: endpoints of a tenant, for its administrators. */
export class WebhooksApi extends HttpApiGroup.make("webhooks")
  .add(
    HttpApiEndpoint.post("create", "/webhooks", {
      payload: NewWebhook,
      success: IssuedWebhook.pipe(HttpApiSchema.status(201)),
      error: [problem(ResourceLimitReached), problem(ValidationFailed), ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Add a webhook",
        description: "Its secret is shown this once. It counts for runs that begin from now on."
      })
    ),
    HttpApiEndpoint.get("list", "/webhooks", {
      query: pageParameters,
      success: WebhookList,
      error: readProblems
    }).annotateMerge(OpenApi.annotations({ summary: "List webhooks" })),
    HttpApiEndpoint.get("get", "/webhooks/:id", {
      params,
      success: Webhook,
      error: [absent, ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a webhook" })),
    HttpApiEndpoint.patch("update", "/webhooks/:id", {
      params,
      payload: WebhookChange,
      success: Webhook,
      error: [absent, problem(ValidationFailed), unreadable, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Change a webhook",
        description: "What is not named stays. It counts for runs that begin from now on."
      })
    ),
    HttpApiEndpoint.post("rotateSecret", "/webhooks/:id/rotate-secret", {
      params,
      payload: SecretRotation,
      success: IssuedWebhook,
      error: [absent, unreadable, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Give a webhook another secret",
        description:
          "It is shown this once. For `keep_previous_seconds`, a day unless given, calls have two signatures, the other one by the secret until now, so that the endpoint can be told in peace; 0 ends that secret at once."
      })
    ),
    HttpApiEndpoint.delete("delete", "/webhooks/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: [absent, ...writeProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Delete a webhook" }))
  )
  .annotateEndpoints(RequiredScope, "admin")
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Webhooks",
      description:
        "Endpoints that are asked while the tenant's agents work, in every run and whatever its request says; needs the scope `admin`. Calls and answers are those of a request's own `hooks`, and always signed. The strictest answer of all counts."
    })
  ) {}
