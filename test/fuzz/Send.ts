import { request } from "node:http"
import type { FuzzedRequest } from "./Requests.ts"

/** What came back. */
export interface FuzzedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

/** Sends a request as it is, with nothing made right on its way, and reads the answer to its end. */
export const sendAsIs = (
  url: string,
  { body, headers, method, target }: FuzzedRequest,
  credentials: Readonly<Record<string, string>>,
  limitMillis: number
): Promise<FuzzedAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const sent = request(
      {
        hostname,
        port,
        method,
        path: target,
        headers: {
          ...headers,
          ...credentials,
          ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) })
        },
        agent: false,
        signal: AbortSignal.timeout(limitMillis)
      },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.once("error", reject)
        response.once("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString("utf8")
          })
        )
      }
    )
    sent.once("error", reject)
    sent.end(body)
  })
