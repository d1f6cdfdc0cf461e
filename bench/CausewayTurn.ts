import { request } from "node:http"
import type { Causeway } from "./Causeway.ts"
import { type Turn, TurnClock } from "./Turn.ts"

/** Asks the service for a turn in a new session and reads its events to the end. */
export const causewayTurn = ({ apiKey, url }: Causeway, prompt: string): Promise<Turn> =>
  new Promise((resolve, reject) => {
    const clock = new TurnClock()
    const sent = request(
      new URL("/api/v1/query", url),
      { method: "POST", headers: { "x-api-key": apiKey, "content-type": "application/json" } },
      (response) => {
        let rest = ""
        let completed = false
        response.setEncoding("utf8").on("data", (text: string) => {
          const frames = (rest + text).split("\n\n")
          rest = frames.pop() ?? ""
          for (const frame of frames) {
            if (frame.includes("event: init\n")) clock.seeInit()
            else if (frame.includes("event: partial\n") && frame.includes('"text_delta"')) clock.seeDelta()
            else if (frame.includes("event: done\n")) completed = frame.includes('"reason":"completed"')
          }
        })
        response.on("error", reject).on("end", () => {
          if (completed) resolve(clock.end())
          else reject(new Error(`The run did not complete (${response.statusCode}): ${rest}`))
        })
      }
    )
    sent.on("error", reject).end(JSON.stringify({ prompt, include_partial_messages: true }))
  })
