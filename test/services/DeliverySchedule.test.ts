import { assert, describe, it } from "vitest"
import { retryDelay, wishOf } from "../../src/services/DeliverySchedule.ts"

const retries = [5000, 300_000]

describe("when a webhook is told again", () => {
  it("is as the schedule says, varied by a fifth, until it is given up", () => {
    assert.deepEqual(
      [0, 0.5, 1].map((random) => retryDelay(retries, 1, 0, random)),
      [4000, 5000, 6000]
    )
    assert.strictEqual(retryDelay(retries, 2, 0, 0.5), 300_000)
    assert.strictEqual(retryDelay(retries, 3, 0, 0.5), null)
  })

  it("is not before the endpoint wishes, which gives it no further attempt", () => {
    assert.strictEqual(retryDelay(retries, 1, 60_000, 0.5), 60_000)
    assert.strictEqual(retryDelay(retries, 2, 60_000, 0.5), 300_000)
    assert.strictEqual(retryDelay(retries, 3, 60_000, 0.5), null)
  })

  it("understands a wish in seconds and as a date, for a day at most", () => {
    const now = Date.parse("2026-11-24T12:00:00Z")
    const wishes: ReadonlyArray<readonly [string | undefined, number]> = [
      [undefined, 0],
      ["120", 120_000],
      ["0", 0],
      ["999999999", 86_400_000],
      ["Tue, 24 Nov 2026 12:01:00 GMT", 60_000],
      ["Tue, 24 Nov 2026 11:00:00 GMT", 0],
      ["-5", 0],
      ["soon", 0]
    ]
    for (const [text, wish] of wishes) assert.strictEqual(wishOf(text, now), wish, text)
  })
})
