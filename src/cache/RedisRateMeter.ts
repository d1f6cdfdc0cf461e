import { Effect, Layer, Schema } from "effect"
import { RedisUnavailable } from "../domain/errors/StorageErrors.ts"
import { RateMeter, rateWindow } from "./RateMeter.ts"
import { RedisConnection } from "./RedisConnection.ts"

const prefix = "causeway:rate:"

// By the clock of Redis, so that instances need not agree on the time. A key lives until all of its rate may be used.
const script = `
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local window = tonumber(ARGV[1])
local before, after, allowed = {}, {}, 1
for index, key in ipairs(KEYS) do
  before[index] = math.max((tonumber(redis.call("GET", key)) or now) - now, 0)
  after[index] = before[index] + window / tonumber(ARGV[index + 1])
  if after[index] > window then allowed = 0 end
end
local backlogs = allowed == 1 and after or before
local answer = { allowed }
for index, key in ipairs(KEYS) do
  if allowed == 1 then
    redis.call("SET", key, string.format("%.3f", now + after[index]), "PX", math.ceil(after[index]) + 1)
  end
  answer[index + 1] = math.ceil(backlogs[index])
end
return answer`

const decode = Schema.decodeUnknownEffect(Schema.Array(Schema.Int))

/** Counts for all instances together, in one call. */
export const layer: Layer.Layer<RateMeter, never, RedisConnection> = Layer.effect(
  RateMeter,
  Effect.map(RedisConnection, ({ run }) =>
    RateMeter.of({
      use: (rates) =>
        run("rate.use", (redis) =>
          redis.eval(
            script,
            rates.length,
            ...rates.map(({ key }) => prefix + key),
            rateWindow,
            ...rates.map(({ limit }) => limit)
          )
        ).pipe(
          Effect.flatMap((answer) => decode(answer)),
          Effect.map(([allowed, ...backlogs]) => ({ allowed: allowed === 1, backlogs })),
          Effect.catchTag("SchemaError", (cause) => new RedisUnavailable({ operation: "rate.use", cause }))
        )
    })
  )
)
