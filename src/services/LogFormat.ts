import { Cause, Formatter, Logger, References } from "effect"

const words = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .map((part) => (typeof part === "string" ? part : Formatter.formatJson(part)))
    .join(" ")

/** One JSON object a line: `time`, `level`, `message`, then what is known of the place, then a cause where there is one. */
const json = Logger.make(({ cause, date, fiber, logLevel, message }) =>
  Formatter.formatJson({
    time: date.toISOString(),
    level: logLevel.toLowerCase(),
    message: words(message),
    ...fiber.getRef(References.CurrentLogAnnotations),
    ...(cause.reasons.length === 0 ? {} : { cause: Cause.pretty(cause) })
  })
)

/** Log lines for machines, and for people in a terminal. */
export const loggers = {
  json: Logger.withConsoleLog(json),
  pretty: Logger.consolePretty()
} as const
