import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { Run } from "../domain/Run.ts"

const encode = HttpServerResponse.schemaJson(Run)

/** Answers with a run that goes on by itself, and says where it is found. */
export const accepted = (run: Run): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  // A run is our own data: one that does not encode is a bug.
  Effect.orDie(encode(run, { status: 202, headers: { location: `/api/v1/runs/${run.id}` } }))
