import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { problem, toProblem } from "../../src/api/Problem.ts"
import * as AgentErrors from "../../src/domain/errors/AgentErrors.ts"
import * as ApprovalErrors from "../../src/domain/errors/ApprovalErrors.ts"
import * as BudgetErrors from "../../src/domain/errors/BudgetErrors.ts"
import * as CheckpointErrors from "../../src/domain/errors/CheckpointErrors.ts"
import { catalogue, type Failure } from "../../src/domain/errors/catalogue.ts"
import * as HookErrors from "../../src/domain/errors/HookErrors.ts"
import * as ImageErrors from "../../src/domain/errors/ImageErrors.ts"
import * as McpErrors from "../../src/domain/errors/McpErrors.ts"
import * as MemoryErrors from "../../src/domain/errors/MemoryErrors.ts"
import * as ModelErrors from "../../src/domain/errors/ModelErrors.ts"
import * as OutboundErrors from "../../src/domain/errors/OutboundErrors.ts"
import * as RequestErrors from "../../src/domain/errors/RequestErrors.ts"
import * as ResourceErrors from "../../src/domain/errors/ResourceErrors.ts"
import * as SessionErrors from "../../src/domain/errors/SessionErrors.ts"
import * as StorageErrors from "../../src/domain/errors/StorageErrors.ts"
import * as WebhookErrors from "../../src/domain/errors/WebhookErrors.ts"

type FailureClass = {
  new (fields: object): Failure
  readonly fields: Schema.Struct.Fields
} & Parameters<typeof problem>[0]

const isFailureClass = (value: unknown): value is FailureClass =>
  typeof value === "function" && value.prototype instanceof Error

const classes = [
  AgentErrors,
  ApprovalErrors,
  BudgetErrors,
  CheckpointErrors,
  HookErrors,
  ImageErrors,
  McpErrors,
  MemoryErrors,
  ModelErrors,
  OutboundErrors,
  RequestErrors,
  ResourceErrors,
  SessionErrors,
  StorageErrors,
  WebhookErrors
]
  .flatMap((module) => Object.values(module) as ReadonlyArray<unknown>)
  .filter(isFailureClass)

describe("problem", () => {
  it("is tried with every class of the catalogue", () => {
    assert.strictEqual(classes.length, Object.keys(catalogue).length)
  })

  for (const self of classes) {
    const { _tag, cause, ...fields } = self.fields
    const details = Schema.Struct(fields) as unknown as Schema.Codec<object>

    it.prop(`brings ${self.name} over the wire and back`, { details }, ({ details }) => {
      const failure = new self(details)
      const wire = JSON.parse(JSON.stringify(toProblem(failure, "id")))
      const entry = catalogue[failure._tag]
      assert.strictEqual(wire.status, entry.status)
      assert.strictEqual(wire.error.error_id, entry.error_id)
      assert.strictEqual(wire.detail, failure.message)
      const back = Schema.decodeUnknownSync(problem(self))(wire)
      assert.instanceOf(back, self)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(toProblem(back, "id"))), wire)
    })

    if (cause !== undefined) {
      it.prop(`keeps the cause of ${self.name} to itself`, { details }, ({ details }) => {
        const failure = new self({ ...details, cause: new Error("password=hunter2 at db.internal") })
        assert.notInclude(JSON.stringify(toProblem(failure, "id")), "hunter2")
      })
    }
  }

  it("is one schema per class", () => {
    assert.strictEqual<unknown>(problem(RequestErrors.Internal), problem(RequestErrors.Internal))
  })
})
