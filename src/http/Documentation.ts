import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiScalar, OpenApi } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentRecord } from "./RequestRecord.ts"
import { docsPath, openapiPath } from "./Routes.ts"

// The page brings its script along, so that it works without a way to the internet; its fonts would come from there.
const page = HttpApiScalar.layer(Api, { path: docsPath, scalar: { withDefaultFonts: false } })

// Keys are typed into this page: whatever its script would like to tell others stays here.
const policy = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "frame-ancestors 'none'"
].join("; ")

const entering = (route: string) => Effect.map(CurrentRecord, (record) => record.enter(route))

/** Serves the API's description, and a page to read it and to try it out. */
export const DocumentationLayer = Layer.mergeAll(
  HttpRouter.add(
    "GET",
    openapiPath,
    Effect.andThen(
      entering(openapiPath),
      Effect.sync(() => HttpServerResponse.jsonUnsafe(OpenApi.fromApi(Api)))
    )
  ),
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      // Made when it is first asked for: the script is 3 MB.
      const docs = yield* Effect.cached(HttpRouter.toHttpEffect(page))
      yield* router.add(
        "GET",
        docsPath,
        Effect.andThen(
          entering(docsPath),
          Effect.map(Effect.flatten(docs), HttpServerResponse.setHeader("content-security-policy", policy))
        )
      )
    })
  )
)
