import type { ErrorName } from "./Script.ts"

export interface ErrorAnswer {
  readonly status: number
  readonly type: string
  readonly message: string
}

const errors: Record<ErrorName, ErrorAnswer> = {
  invalid_request: {
    status: 400,
    type: "invalid_request_error",
    message: "messages.0.content: Input should be a valid list"
  },
  billing: {
    status: 400,
    type: "invalid_request_error",
    message:
      "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
  },
  prompt_too_long: {
    status: 400,
    type: "invalid_request_error",
    message: "prompt is too long: 208310 tokens > 200000 maximum"
  },
  authentication: { status: 401, type: "authentication_error", message: "invalid x-api-key" },
  permission: {
    status: 403,
    type: "permission_error",
    message: "Your API key does not have permission to use the specified resource."
  },
  model_not_found: { status: 404, type: "not_found_error", message: "model: {{model}}" },
  too_large: { status: 413, type: "request_too_large", message: "Request exceeds the maximum size" },
  rate_limit: {
    status: 429,
    type: "rate_limit_error",
    message: "This request would exceed your organization's rate limit. Please try again later."
  },
  server_error: { status: 500, type: "api_error", message: "Internal server error" },
  unavailable: { status: 503, type: "api_error", message: "Service temporarily unavailable" },
  overloaded: { status: 529, type: "overloaded_error", message: "Overloaded" }
}

const byStatus: ReadonlyArray<ErrorAnswer> = Object.values(errors)

/** The error of this name, or the first of this status. */
export function errorAnswer(error: ErrorName | number): ErrorAnswer {
  if (typeof error !== "number") return errors[error]
  const known = byStatus.find(({ status }) => status === error)
  const type = error < 500 ? "invalid_request_error" : "api_error"
  return known ?? { status: error, type, message: `Scripted status ${error}` }
}

export const errorBody = (error: Pick<ErrorAnswer, "type" | "message">, requestId: string) => ({
  type: "error",
  error: { type: error.type, message: error.message },
  request_id: requestId
})
