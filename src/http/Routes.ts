import { HttpApi } from "effect/http-api"
import { FindMyWay } from "effect/http"
import { Api } from "../api/Api.ts"
import { Authentication } from "../api/Authentication.ts"

/** A path that exists. */
export interface KnownPath {
  /** Its template. */
  readonly route: string
  /** Whether it answers without a key. */
  readonly isPublic: boolean
}

/** Paths that answer and are not in the API's description. */
export const openapiPath = "/openapi.json"
export const docsPath = "/docs"
export const errorsPath = "/docs/errors"
export const metricsPath = "/metrics"

/** How paths are matched. Ids are checked by their schemas, so that too long a one is refused as any other bad one. */
export const routerConfig = { caseSensitive: true, maxParamLength: 16_384 } as const

const routes = FindMyWay.make<KnownPath>(routerConfig)
const methods = new Set<string>()

/** What answers, by method and template. */
export const knownRoutes: Array<{ readonly method: string; readonly route: string }> = []

const know = (method: string, path: FindMyWay.PathInput, isPublic: boolean) => {
  methods.add(method)
  knownRoutes.push({ method, route: path })
  routes.on(method, path, { route: path, isPublic })
}

for (const path of [openapiPath, docsPath, errorsPath, metricsPath] as const) know("GET", path, true)
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint }) =>
    know(endpoint.method, `/${endpoint.path.slice(1)}`, !endpoint.middlewares.has(Authentication))
})

/** What there is at a path, and the methods that it answers. */
export const pathAt = (url: string): (KnownPath & { readonly allowed: ReadonlyArray<string> }) | undefined => {
  const matches = [...methods].flatMap((method) => {
    const found = routes.find(method, url)
    return found === undefined ? [] : [{ method, ...found.handler }]
  })
  const [first] = matches
  if (first === undefined) return undefined
  const declared = matches.map(({ method }) => method)
  return {
    route: first.route,
    isPublic: first.isPublic,
    allowed: [...declared, ...(declared.includes("GET") ? ["HEAD"] : []), "OPTIONS"]
  }
}
