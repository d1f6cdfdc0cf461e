import { HttpApiMiddleware } from "effect/http-api"
import { boundaryProblems } from "./Problems.ts"

/** The edge of the API: every failure becomes its one body here, is logged and counted. */
export class Boundary extends HttpApiMiddleware.Service<Boundary>()("causeway/api/Boundary", {
  error: boundaryProblems
}) {}
