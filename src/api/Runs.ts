import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { RunNotFound, RunOver, RunUnresponsive } from "../domain/errors/SessionErrors.ts"
import { Run, RunId } from "../domain/Run.ts"
import { SessionId } from "../domain/Session.ts"
import { Authentication } from "./Authentication.ts"
import { problem } from "./Problem.ts"
import { followProblems, readProblems } from "./Problems.ts"
import { RequestBody } from "./RequestBody.ts"
import { cursorHeaders, cursorQuery, RunStream } from "./RunStream.ts"

const params = { id: RunId }

/** An interrupt that the run has taken. */
export const Interrupted = Schema.Struct({
  status: Schema.Literal("interrupted"),
  session_id: SessionId,
  run_id: RunId
}).annotate({ identifier: "Interrupted" })

/** Runs: their state, and their events from any point on. */
export class RunsApi extends HttpApiGroup.make("runs")
  .add(
    HttpApiEndpoint.get("get", "/runs/:id", {
      params,
      success: Run,
      error: [problem(RunNotFound), ...readProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Read a run" })),
    HttpApiEndpoint.get("events", "/runs/:id/events", {
      params,
      headers: cursorHeaders,
      query: cursorQuery,
      // 204 when the run is over and there is nothing after the cursor: a browser then stops reconnecting.
      success: [RunStream, HttpApiSchema.NoContent],
      error: [problem(RunNotFound), ...followProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Follow a run's events",
        description:
          "Events after `Last-Event-ID` or `after`, as they were stored, then those that follow. 204 when the run is over and there are none."
      })
    ),
    HttpApiEndpoint.post("interrupt", "/runs/:id/interrupt", {
      params,
      success: Interrupted,
      error: [problem(RunNotFound), problem(RunOver), problem(RunUnresponsive), ...readProblems]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Interrupt a run",
        description: "Answers when the run has taken it. One that waits for its turn is taken out of the queue."
      })
    )
  )
  .middleware(RequestBody)
  .middleware(Authentication)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({ title: "Runs", description: "The state of runs, and their events from any point on." })
  ) {}
