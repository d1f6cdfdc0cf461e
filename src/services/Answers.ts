import { Effect, Schema, Stream } from "effect"
import type { ContentBlock } from "../domain/ContentBlock.ts"
import type { RunFailure } from "../domain/errors/RunFailure.ts"
import { failureOf } from "../domain/errors/RunFailure.ts"
import { SessionPersistFailed } from "../domain/errors/SessionErrors.ts"
import { RunInterrupted } from "../domain/errors/AgentErrors.ts"
import { ShuttingDown } from "../domain/errors/RequestErrors.ts"
import type { RunId } from "../domain/Run.ts"
import { DoneData, ErrorData, InitData, MessageData, ResultData, StatusData } from "../domain/RunEvent.ts"
import { markReported } from "./FailureReport.ts"
import type { Frame } from "./Frame.ts"
import { instanceStopping } from "./UnstoredFrames.ts"

/** When who waited for a run of another instance should ask again, in seconds. */
const restartSeconds = 5

/** The whole answer of a run that went well. */
export interface Answer {
  readonly model: string
  /** What the main agent wrote, in order. */
  readonly content: ReadonlyArray<ContentBlock>
  readonly result: ResultData
}

const read = <Data extends Schema.Decoder<unknown>>(data: Data) => {
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(data))
  // The frames are our own words; one that does not decode is a bug.
  return (frame: Frame) => Effect.orDie(decode(frame.data))
}

const readInit = read(InitData)
const readMessage = read(MessageData)
const readResult = read(ResultData)
const readError = read(ErrorData)
const readDone = read(DoneData)
const readStatus = read(StatusData)

interface Reading {
  model: string
  readonly content: Array<ContentBlock>
  result: ResultData | null
  failure: RunFailure | null
  interrupted: boolean
  /** Whether it waits for an answer of somebody. */
  waiting: boolean
  /** Whether this instance stops, while the run goes on elsewhere. */
  released: boolean
}

const note = Effect.fnUntraced(function* (reading: Reading, frame: Frame) {
  switch (frame.event) {
    case "init":
      reading.model = (yield* readInit(frame)).model
      return
    case "message": {
      const message = yield* readMessage(frame)
      if (message.type === "assistant" && message.parent_tool_use_id === null) reading.content.push(...message.content)
      return
    }
    case "result":
      reading.result = yield* readResult(frame)
      return
    case "error": {
      const error = yield* readError(frame)
      if (error.fatal) reading.failure = yield* Effect.fromOption(failureOf(error)).pipe(Effect.orDie)
      return
    }
    case "status":
      reading.released = (yield* readStatus(frame)).status === instanceStopping
      return
    case "done": {
      const { reason } = yield* readDone(frame)
      reading.interrupted = reason === "interrupted"
      reading.waiting = reason === "waiting"
    }
  }
})

const failureIn = ({ failure, interrupted, result, content }: Reading, run_id: RunId): RunFailure | null => {
  if (failure?._tag === "SessionPersistFailed") {
    return new SessionPersistFailed({ ...failure, unsaved_result: { ...result, content } })
  }
  return interrupted ? new RunInterrupted({ run_id, result: { ...result } }) : failure
}

/**
 * Reads a run to its end. A run that did not complete is its failure, with what was done until then; of one that waits
 * for an answer there is nothing yet.
 */
export const collectAnswer = Effect.fn("Answers.collectAnswer")(function* (
  run_id: RunId,
  frames: Stream.Stream<Frame>
): Effect.fn.Return<Answer | null, RunFailure | ShuttingDown> {
  const reading: Reading = {
    model: "",
    content: [],
    result: null,
    failure: null,
    interrupted: false,
    waiting: false,
    released: false
  }
  yield* Stream.runForEach(frames, (frame) => note(reading, frame))
  const failure = failureIn(reading, run_id)
  if (failure !== null) return yield* markReported(failure)
  if (reading.waiting) return null
  if (reading.released) return yield* new ShuttingDown({ retry_after_seconds: restartSeconds })
  if (reading.result === null) return yield* Effect.die(new Error("A run ended without a result or an error"))
  return { model: reading.model, content: reading.content, result: reading.result }
})
