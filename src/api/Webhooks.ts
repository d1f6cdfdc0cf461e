import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import { SecretUnreadable } from "../domain/errors/StorageErrors.ts"
import { DeliveryNotFound, WebhookDisabled, WebhookNotFound } from "../domain/errors/WebhookErrors.ts"
import { NewWebhook, SecretRotation, Webhook, WebhookChange, WebhookId } from "../domain/Webhook.ts"
import { WebhookDelivery, WebhookDeliveryId, WebhookDeliveryStatus } from "../domain/WebhookDelivery.ts"
import { Authentication, RequiredScope } from "./Authentication.ts"
import { pageFields, pageParameters } from "./Paging.ts"
import { problem } from "./Problem.ts"
import { readProblems, writeProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"

const params = { id: WebhookId }
const deliveryParams = { id: WebhookId, delivery: WebhookDeliveryId }
const absent = problem(WebhookNotFound)
const unreadable = problem(SecretUnreadable)
const disabled = problem(WebhookDisabled)

/** A webhook with its secret, which is shown this once. */
export const IssuedWebhook = Schema.Struct({ ...Webhook.fields, secret: Schema.String }).annotate({
  identifier: "IssuedWebhook"
})

/** A page of webhooks, newest first. */
export const WebhookList = Schema.Struct({ webhooks: Schema.Array(Webhook), ...pageFields }).annotate({
  identifier: "WebhookList"
})

/** A page of what a webhook was told, newest first. */
export const WebhookDeliveryList = Schema.Struct({
  deliveries: Schema.Array(WebhookDelivery),
  ...pageFields
}).annotate({ identifier: "WebhookDeliveryList" })

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
    }).annotateMerge(
      OpenApi.annotations({ summary: "Delete a webhook", description: "What it was told goes with it." })
    ),
    HttpApiEndpoint.post("test", "/webhooks/:id/test", {
      params,
      success: WebhookDelivery.pipe(HttpApiSchema.status(202)),
      error: [absent, disabled, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Send a webhook a test",
        description: "It is told `webhook.test`, also one that is otherwise asked. The delivery says what came of it."
      })
    ),
    HttpApiEndpoint.get("deliveries", "/webhooks/:id/deliveries", {
      params,
      query: { ...pageParameters, status: Schema.optionalKey(WebhookDeliveryStatus) },
      success: WebhookDeliveryList,
      error: [absent, ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List what a webhook was told",
        description: "Newest first, for WEBHOOK_RETENTION. `dead` ones were given up."
      })
    ),
    HttpApiEndpoint.get("delivery", "/webhooks/:id/deliveries/:delivery", {
      params: deliveryParams,
      success: WebhookDelivery,
      error: [problem(DeliveryNotFound), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a delivery" })),
    HttpApiEndpoint.post("redeliver", "/webhooks/:id/deliveries/:delivery/redeliver", {
      params: deliveryParams,
      success: WebhookDelivery.pipe(HttpApiSchema.status(202)),
      error: [absent, problem(DeliveryNotFound), disabled, ...writeProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Tell a webhook something again",
        description: "Whatever came of it before, with the same `webhook-id`, and with all its retries."
      })
    )
  )
  .annotateEndpoints(RequiredScope, "admin")
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Webhooks",
      description:
        "Endpoints that are asked while the tenant's agents work, in every run and whatever its request says, or told what has happened, until they have heard it; needs the scope `admin`. Every call is signed. What is asked, and what counts as an answer, is as with a request's own `hooks`; the strictest answer of all counts. What is told is `{type, timestamp, data}`, and any status of 2xx says that it was heard."
    })
  ) {}
