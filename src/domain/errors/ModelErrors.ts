import { Schema } from "effect"
import { soFar } from "./Partial.ts"

/** No credentials for a model are configured. */
export class ModelCredentialsMissing extends Schema.TaggedError<ModelCredentialsMissing>()(
  "ModelCredentialsMissing",
  soFar
) {
  override get message() {
    return "No model credentials are configured. Set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL with the key that it wants, and restart."
  }
}

/** The model's service does not take the server's credentials (its 401). */
export class ModelUnauthorized extends Schema.TaggedError<ModelUnauthorized>()("ModelUnauthorized", soFar) {
  override get message() {
    return "The model's service does not accept the server's credentials."
  }
}

/** The server's credentials may not use the model (its 403). */
export class ModelForbidden extends Schema.TaggedError<ModelForbidden>()("ModelForbidden", soFar) {
  override get message() {
    return "The server's credentials may not use this model."
  }
}

/** There is no such model (its 404). */
export class ModelNotFound extends Schema.TaggedError<ModelNotFound>()("ModelNotFound", {
  ...soFar,
  model: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return "The model's service does not know this model."
  }
}

/** The model's service refused a request as malformed (its 400). */
export class ModelRequestRejected extends Schema.TaggedError<ModelRequestRejected>()("ModelRequestRejected", soFar) {
  override get message() {
    return "The model's service rejected the agent's request."
  }
}

/** The account that pays for the model cannot. */
export class ModelBillingFailed extends Schema.TaggedError<ModelBillingFailed>()("ModelBillingFailed", soFar) {
  override get message() {
    return "The model account's credit or billing does not allow this."
  }
}

/** The conversation is longer than the model takes. */
export class PromptTooLong extends Schema.TaggedError<PromptTooLong>()("PromptTooLong", soFar) {
  override get message() {
    return "The conversation is longer than the model takes."
  }
}

/** One request to the model was too large (its 413). */
export class ModelRequestTooLarge extends Schema.TaggedError<ModelRequestTooLarge>()("ModelRequestTooLarge", soFar) {
  override get message() {
    return "A request to the model was too large."
  }
}

/** The model's service limits the rate (its 429). */
export class ModelRateLimited extends Schema.TaggedError<ModelRateLimited>()("ModelRateLimited", soFar) {
  override get message() {
    return "The model's service limits the rate of requests."
  }
}

/** The model is overloaded (its 529). */
export class ModelOverloaded extends Schema.TaggedError<ModelOverloaded>()("ModelOverloaded", soFar) {
  override get message() {
    return "The model is overloaded."
  }
}

/** The model's service failed (its 5xx). */
export class ModelServerFailed extends Schema.TaggedError<ModelServerFailed>()("ModelServerFailed", {
  ...soFar,
  upstream_status: Schema.NullOr(Schema.Int)
}) {
  override get message() {
    return "The model's service failed."
  }
}

/** The model's service cannot be reached. */
export class ModelUnreachable extends Schema.TaggedError<ModelUnreachable>()("ModelUnreachable", soFar) {
  override get message() {
    return "The model's service cannot be reached."
  }
}

/** The model did not answer in time. */
export class ModelSilent extends Schema.TaggedError<ModelSilent>()("ModelSilent", {
  ...soFar,
  limit_ms: Schema.Int
}) {
  override get message() {
    return `Nothing came from the model for ${this.limit_ms} ms.`
  }
}

/** The model's answer broke off. */
export class ModelStreamCut extends Schema.TaggedError<ModelStreamCut>()("ModelStreamCut", soFar) {
  override get message() {
    return "The model's answer broke off."
  }
}

/** The model's service answered something that is no answer. */
export class ModelResponseInvalid extends Schema.TaggedError<ModelResponseInvalid>()("ModelResponseInvalid", soFar) {
  override get message() {
    return "The model's service sent something that is no answer."
  }
}

/** The model refused to answer. */
export class ModelRefused extends Schema.TaggedError<ModelRefused>()("ModelRefused", soFar) {
  override get message() {
    return "The model refused to answer this."
  }
}

/** The answer is longer than the model may write. */
export class MaxTokensReached extends Schema.TaggedError<MaxTokensReached>()("MaxTokensReached", soFar) {
  override get message() {
    return "The model reached its output limit."
  }
}

/** The request asked for an answer in a form, and the model did not give it. */
export class StructuredOutputMissing extends Schema.TaggedError<StructuredOutputMissing>()("StructuredOutputMissing", {
  ...soFar,
  /** It gave none, or none that fits. */
  reason: Schema.Literals(["absent", "invalid"])
}) {
  override get message() {
    return this.reason === "absent"
      ? "The model answered without the structured output that was asked for."
      : "The model gave no structured output that fits the schema, though it tried several times."
  }
}

/** The run used all the turns that it may. */
export class MaxTurnsReached extends Schema.TaggedError<MaxTurnsReached>()("MaxTurnsReached", {
  ...soFar,
  num_turns: Schema.NullOr(Schema.Int)
}) {
  override get message() {
    return "The run reached max_turns."
  }
}

/** The run used all the money that it may. */
export class BudgetReached extends Schema.TaggedError<BudgetReached>()("BudgetReached", {
  ...soFar,
  total_cost_usd: Schema.NullOr(Schema.Finite)
}) {
  override get message() {
    return "The run reached max_budget_usd."
  }
}

/** The agent gave up for a reason that has no tag of its own; `reason` is the agent's short name for it. */
export class AgentTurnFailed extends Schema.TaggedError<AgentTurnFailed>()("AgentTurnFailed", {
  ...soFar,
  reason: Schema.String
}) {
  override get message() {
    return "The agent could not finish its turn."
  }
}

/** What the model, or a limit set on it, can end a run with. */
export type ModelFailure =
  | ModelCredentialsMissing
  | ModelUnauthorized
  | ModelForbidden
  | ModelNotFound
  | ModelRequestRejected
  | ModelBillingFailed
  | PromptTooLong
  | ModelRequestTooLarge
  | ModelRateLimited
  | ModelOverloaded
  | ModelServerFailed
  | ModelUnreachable
  | ModelSilent
  | ModelStreamCut
  | ModelResponseInvalid
  | ModelRefused
  | MaxTokensReached
  | MaxTurnsReached
  | BudgetReached
  | StructuredOutputMissing
  | AgentTurnFailed
