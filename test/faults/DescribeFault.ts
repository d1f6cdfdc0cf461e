import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { agentProcesses } from "../service/AgentProcesses.ts"
import { at, textAt } from "../service/Json.ts"
import { paidText } from "./LiveRuns.ts"
import { type Cell, type Operation, operations, type Row } from "./Matrix.ts"
import { countsOf, failureLines, hasFields, isProblem, sumOf, tellsNothing } from "./Observations.ts"
import { fieldsOf, type RequestOperation, requestOperations, rowsMadeBy, startsRun, successStatus } from "./Requests.ts"
import { saveResults } from "./Results.ts"
import type { FaultSeen, RunSeen } from "./RunFault.ts"

const isRequest = (operation: Operation): operation is RequestOperation =>
  requestOperations.some((name) => name === operation)

/** The names and data of the events in the text of a whole stream. */
const eventsIn = (text: string): ReadonlyArray<{ readonly event: string; readonly data: unknown }> =>
  [...text.matchAll(/^event: (\w+)\n(?:id: \d+\n)?data: (.*)$/gm)].map(([, event = "", data = ""]) => ({
    event,
    data: JSON.parse(data)
  }))

const succeeded = (operation: RequestOperation, seen: FaultSeen, when: "answers" | "recovered"): void => {
  const answer = seen[when].get(operation)
  if (answer === undefined) throw new Error(`${operation} was not sent`)
  assert.strictEqual(answer.status, successStatus[operation], answer.text)
  if (!startsRun(operation)) return
  const last = eventsIn(answer.text).slice(-2)
  assert.deepEqual(
    last.map(({ data, event }) => [event, at(data, event === "result" ? "saved" : "reason")]),
    [
      ["result", true],
      ["done", "completed"]
    ]
  )
}

const checkRequest = (operation: RequestOperation, cell: Cell, seen: FaultSeen): void => {
  const answer = seen.answers.get(operation)
  if (answer === undefined) throw new Error(`${operation} was not sent`)
  assert.isBelow(answer.millis, cell.within)
  const lines = failureLines(seen.stage.service, answer.requestId)
  assert.deepEqual(countsOf(lines), cell.counted)
  if (cell.seen === "success") {
    succeeded(operation, seen, "answers")
    const writes = Object.keys(rowsMadeBy[operation]).length > 0
    assert.strictEqual(seen.storedDuring.get(operation), writes)
    return
  }
  if (cell.seen !== "problem") throw new Error(`${operation} is no run`)
  isProblem(answer, cell.status, cell.error_id)
  if (cell.retryAfter) assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
  else assert.isNull(answer.headers.get("retry-after"))
  tellsNothing(answer.text, seen.stage.secrets)
  const line = lines.find(({ status }) => status === cell.status)
  hasFields(line, { error_id: cell.error_id, ...fieldsOf(operation, seen.stage.template, seen.during) })
  assert.strictEqual(seen.storedDuring.get(operation), cell.stored)
}

const checkLines = (run: RunSeen, name: string, cell: Cell, seen: FaultSeen): void => {
  const { service, template } = seen.stage
  const lines = failureLines(service, run.requestId).filter((line) => line["error_id"] !== "ERR_RUN_LOST")
  assert.deepEqual(countsOf(lines), cell.counted)
  if (cell.seen !== "unsaved") return
  for (const line of lines) {
    hasFields(line, {
      session_id: run.sessionId,
      run_id: run.run["id"],
      tenant_id: template.tenantId,
      api_key_hash: template.workerHash
    })
    assert.isTrue(textAt(line, "prompt_preview").startsWith(name))
  }
}

/** A run that the database lost ends there as lost, with its session, whose conversation is not known to be whole. */
const isLost = ({ run, session, sessionId, stored }: RunSeen, name: string, { stage }: FaultSeen): void => {
  assert.deepEqual([run["status"], at(run["error"], "error_id"), session["status"]], ["lost", "ERR_RUN_LOST", "error"])
  assert.strictEqual(session["transcript_complete"], false)
  assert.deepEqual(stored.slice(-2), ["error", "done"])
  const line = stage.service.logs().find((one) => one["error_id"] === "ERR_RUN_LOST" && one["run_id"] === run["id"])
  hasFields(line, {
    request_id: run["request_id"],
    session_id: sessionId,
    tenant_id: stage.template.tenantId,
    api_key_hash: stage.template.workerHash
  })
  assert.isTrue(textAt(line, "prompt_preview").startsWith(name))
}

const isStoredWhole = ({ run, session, stored }: RunSeen): void => {
  assert.deepEqual([run["status"], run["error"], session["status"]], ["completed", null, "completed"])
  assert.strictEqual(session["transcript_complete"], true)
  assert.deepEqual(stored.slice(-2), ["result", "done"])
}

const checkStreamed = (cell: Cell, seen: FaultSeen): void => {
  const { stream, ...run } = seen.streamed
  assert.isBelow(run.millis, cell.within)
  assert.strictEqual(stream.end, "complete")
  checkLines(run, "mid stream", cell, seen)
  const ids = stream.events.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]))
  assert.deepEqual(
    ids,
    ids.map((_, index) => index + 1)
  )
  if (cell.seen === "completed") {
    assert.strictEqual(stream.events.length, ids.length)
    assert.strictEqual(at(stream.first("result").data, "saved"), true)
    assert.strictEqual(at(stream.first("done").data, "reason"), "completed")
    assert.deepEqual(stream.names, run.stored)
    return isStoredWhole(run)
  }
  if (cell.seen !== "unsaved") throw new Error("A run under way completes, or is unsaved")
  const [error, result, done] = stream.events.slice(-3)
  assert.deepEqual(
    [error, result, done].map((frame) => [frame?.event, frame?.id]),
    [
      ["error", undefined],
      ["result", undefined],
      ["done", undefined]
    ]
  )
  assert.strictEqual(stream.events.length, ids.length + 3)
  assert.deepInclude(error?.data, {
    error_id: "ERR_SESSION_PERSIST_FAILED",
    fatal: true,
    request_id: run.requestId,
    details: { session_id: run.sessionId, run_id: run.run["id"], database_error_id: cell.database }
  })
  assert.strictEqual(at(result?.data, "saved"), false)
  assert.strictEqual(at(done?.data, "reason"), "error")
  tellsNothing([error, result, done].map((frame) => frame?.text).join(""), seen.stage.secrets)
  // What the reader was shown with a number is what is stored.
  assert.deepEqual(stream.names.slice(0, -3), run.stored.slice(0, ids.length))
  isLost(run, "mid stream", seen)
}

const checkSingle = (cell: Cell, seen: FaultSeen): void => {
  const run = seen.single
  assert.isBelow(run.millis, cell.within)
  checkLines(run, "end of run", cell, seen)
  if (cell.seen === "completed") {
    assert.strictEqual(run.status, 200, run.text)
    assert.deepInclude(run.body, { result: paidText, saved: true })
    return isStoredWhole(run)
  }
  if (cell.seen !== "unsaved") throw new Error("A run under way completes, or is unsaved")
  isProblem(run, 500, "ERR_SESSION_PERSIST_FAILED")
  assert.isNull(run.headers.get("retry-after"))
  assert.deepInclude(at(run.body, "error.details"), {
    session_id: run.sessionId,
    run_id: run.run["id"],
    database_error_id: cell.database
  })
  // What was paid for is delivered.
  const unsaved = at(run.body, "error.details.unsaved_result")
  assert.deepInclude(unsaved, { result: paidText, saved: false, num_turns: 1 })
  assert.strictEqual(textAt(unsaved, "content.0.text"), paidText)
  tellsNothing(run.text, seen.stage.secrets)
  isLost(run, "end of run", seen)
}

const checkRows = (row: Row, seen: FaultSeen): void => {
  const made = requestOperations.flatMap((operation) => {
    const cell = row[operation]
    const isDone = cell?.seen === "success" || (cell?.seen === "problem" && cell.stored)
    return isDone ? Object.entries(rowsMadeBy[operation]) : []
  })
  const expected: Record<string, number> = { ...seen.rowsBefore }
  for (const [table, count] of made) expected[table] = (expected[table] ?? 0) + count
  assert.deepEqual<Record<string, number>>({ ...seen.rowsAfter }, expected)
}

/** The tests of a row of the matrix: one per cell, and what holds for the whole service. */
export const describeFault = (part: string, fault: string, row: Row, run: () => Promise<FaultSeen>): void => {
  describe(`${part}: ${fault}`, () => {
    let found: FaultSeen | undefined
    const green = new Set<Operation>()
    const seen = () => {
      if (found === undefined) throw new Error("The fault has not been run to its end")
      return found
    }
    beforeAll(async () => {
      found = await run()
    })
    afterAll(() => saveResults(part, fault, row, green, found))

    for (const operation of operations) {
      const cell = row[operation]
      if (cell === undefined) continue
      it(`${operation}: ${cell.seen}${cell.seen === "problem" ? ` ${cell.status} ${cell.error_id}` : ""}`, () => {
        if (isRequest(operation)) checkRequest(operation, cell, seen())
        else if (operation === "mid-stream") checkStreamed(cell, seen())
        else checkSingle(cell, seen())
        if (isRequest(operation) && seen().recovered.has(operation)) succeeded(operation, seen(), "recovered")
        green.add(operation)
      })
    }

    it("is counted once for each failure, and nothing else is", () => {
      const cells = operations.flatMap((operation) => row[operation] ?? [])
      assert.deepEqual(seen().counted, sumOf(cells.flatMap(({ beside = {}, counted }) => [counted, beside])))
      const lost = cells.filter((cell) => cell.seen === "unsaved").length
      assert.deepEqual(seen().countedLater, lost === 0 ? {} : { ERR_RUN_LOST: lost })
      assert.deepEqual(seen().countedAtLast, {})
    })

    it("leaves in PostgreSQL what the answers say, and nothing else", () => {
      checkRows(row, seen())
    })

    it("keeps every secret, and ends without leaving a process behind", () => {
      const { exit, stage } = seen()
      const output = stage.service.output()
      for (const secret of stage.secrets) assert.notInclude(output, secret)
      assert.notInclude(output, '"defect"')
      assert.strictEqual(exit, 0)
      assert.deepEqual(agentProcesses(stage.service.dataDir), [])
    })
  })
}
