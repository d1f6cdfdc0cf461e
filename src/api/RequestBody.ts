import { HttpApiMiddleware } from "effect/http-api"
import { bodyProblems } from "./Problems.ts"

/** Refuses bodies that are too large or not JSON before they are read. */
export class RequestBody extends HttpApiMiddleware.Service<RequestBody>()("causeway/api/RequestBody", {
  error: bodyProblems
}) {}
