import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { catalogue, type CatalogueEntry } from "../domain/errors/catalogue.ts"
import { CurrentRecord } from "./RequestRecord.ts"
import { errorsPath } from "./Routes.ts"

const row = ({ cause, code, error_id, remedy, retry, status }: CatalogueEntry): string =>
  `<tr id="${error_id}"><td><code>${error_id}</code></td><td><code>${code}</code></td><td>${status}</td>` +
  `<td>${cause}</td><td>${remedy}</td><td><code>${retry}</code></td></tr>`

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Causeway: errors</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse }
td, th { border-bottom: 1px solid #ccc; padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top }
tr:target { background: #ffefb0 }
</style>
<h1>Errors</h1>
<p>What each <code>error_id</code> means. The log line with the <code>request_id</code> of an answer says what happened to that request.</p>
<table>
<tr><th>error_id</th><th>code</th><th>status</th><th>cause</th><th>what to do</th><th>retry</th></tr>
${Object.values<CatalogueEntry>(catalogue).map(row).join("\n")}
</table>
</html>
`

/** Explains every failure; the \`type\` of each problem points into this page. */
export const ErrorsPageLayer = HttpRouter.add(
  "GET",
  errorsPath,
  Effect.gen(function* () {
    const record = yield* CurrentRecord
    record.enter(errorsPath)
    return HttpServerResponse.text(page, { contentType: "text/html; charset=utf-8" })
  })
)
