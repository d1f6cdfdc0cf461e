import { Effect } from "effect"
import type { AckFrame, ClientFrame } from "../api/WebSocket.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { ValidationFailed } from "../domain/errors/RequestErrors.ts"
import type { SessionId } from "../domain/Session.ts"
import type { FollowedRun, FollowedSession } from "../services/RunRequest.ts"
import { Approvals } from "../services/Approvals.ts"
import { Runs } from "../services/Runs.ts"
import { Sessions } from "../services/Sessions.ts"
import { givenAnswer } from "./Approvals.ts"
import { splitQuery } from "./Query.ts"
import { CurrentRecord } from "./RequestRecord.ts"
import { makeRunRequests } from "./RunRequests.ts"
import type { Subscriptions } from "./WebSocketSubscriptions.ts"

/** What the frames of a connection share. */
export interface Conversation {
  readonly subscriptions: Subscriptions
  /** The session of frames that name none: the last one that was spoken of. */
  session: SessionId | undefined
}

type FrameOf<Type extends ClientFrame["type"]> = Extract<ClientFrame, { readonly type: Type }>

/** What there is to say of a frame that was taken, and what is followed from then on. */
export interface Taken {
  readonly ack: Omit<AckFrame, "type" | "request_id">
  readonly followed?: FollowedRun | FollowedSession
}

/** Makes what obeys the frames of clients; each fails as its endpoint does. */
export const makeCommands = Effect.gen(function* () {
  const approvals = yield* Approvals
  const runs = yield* Runs
  const sessions = yield* Sessions
  const runRequest = yield* makeRunRequests

  const sessionOf = Effect.fnUntraced(function* (conversation: Conversation, named: SessionId | undefined) {
    const session = named ?? conversation.session
    if (session === undefined) {
      const message = "is missing, and this connection has had no session yet"
      return yield* new ValidationFailed({ issues: [{ path: "frame.session_id", message }] })
    }
    const { known } = yield* CurrentRecord
    known.session_id = session
    return session
  })

  const prompt = Effect.fnUntraced(function* (
    frame: FrameOf<"prompt">,
    conversation: Conversation,
    principal: Principal
  ) {
    const { idempotency_key, request_id: _request, type: _type, ...query } = frame
    const { asked, destination } = splitQuery(query)
    const identity = Effect.sync(() => `WebSocket\n${JSON.stringify(query)}`)
    const request = yield* runRequest(identity, idempotency_key, destination, asked)
    if (request.background) {
      const { id: run_id, session_id } = yield* runs.submit(principal, request)
      conversation.session = session_id
      return { ack: { message: "Query accepted", session_id, run_id, after: null } }
    }
    yield* conversation.subscriptions.admit
    const followed = yield* runs.start(principal, request)
    const { id: run_id, session_id } = followed.run
    conversation.session = session_id
    return { ack: { message: "Query started", session_id, run_id, after: followed.after }, followed }
  })

  const interrupt = Effect.fnUntraced(function* (
    frame: FrameOf<"interrupt">,
    conversation: Conversation,
    principal: Principal
  ) {
    const session_id = yield* sessionOf(conversation, frame.session_id)
    const run_id = yield* runs.interrupt(principal, session_id)
    return { ack: { message: "Interrupted", session_id, run_id, after: null } }
  })

  const answer = Effect.fnUntraced(function* (
    frame: FrameOf<"answer">,
    conversation: Conversation,
    principal: Principal
  ) {
    const { approval_id, request_id: _request, session_id: _session, type: _type, ...given } = frame
    const session_id = yield* sessionOf(conversation, frame.session_id)
    const { run_id } = yield* approvals.answerSession(principal, session_id, approval_id, givenAnswer(given))
    return { ack: { message: "Answer accepted", session_id, run_id, after: null } }
  })

  const control = Effect.fnUntraced(function* (
    frame: FrameOf<"control">,
    conversation: Conversation,
    principal: Principal
  ) {
    const { request_id: _request, session_id: _session, type: _type, ...change } = frame
    const session_id = yield* sessionOf(conversation, frame.session_id)
    const run_id = yield* runs.change(principal, session_id, change)
    return { ack: { message: "Control accepted", session_id, run_id, after: null } }
  })

  const subscribe = Effect.fnUntraced(function* (
    frame: FrameOf<"subscribe">,
    conversation: Conversation,
    principal: Principal
  ) {
    const { after = null, run_id } = frame
    yield* conversation.subscriptions.admit
    if (run_id !== undefined) {
      const run = yield* runs.get(principal, run_id)
      const followed = yield* runs.follow(principal, run_id, after)
      conversation.session = run.session_id
      const ack = { message: "Subscribed", session_id: run.session_id, run_id, after: followed?.after ?? null }
      return { ack, ...(followed === null ? {} : { followed }) }
    }
    const session_id = yield* sessionOf(conversation, frame.session_id)
    const followed = yield* runs.followSession(principal, session_id, after)
    conversation.session = session_id
    const ack = { message: "Subscribed", session_id, run_id: null, after: followed?.after ?? null }
    return { ack, ...(followed === null ? {} : { followed }) }
  })

  const unsubscribe = Effect.fnUntraced(function* (
    frame: FrameOf<"unsubscribe">,
    conversation: Conversation,
    principal: Principal
  ) {
    const { run_id } = frame
    if (run_id !== undefined) {
      const { session_id } = yield* runs.get(principal, run_id)
      yield* conversation.subscriptions.leave({ run_id })
      return { ack: { message: "Unsubscribed", session_id, run_id, after: null } }
    }
    const session_id = yield* sessionOf(conversation, frame.session_id)
    yield* sessions.get(principal, session_id)
    yield* conversation.subscriptions.leave({ session_id })
    return { ack: { message: "Unsubscribed", session_id, run_id: null, after: null } }
  })

  return (frame: ClientFrame, conversation: Conversation, principal: Principal) => {
    switch (frame.type) {
      case "prompt":
        return prompt(frame, conversation, principal)
      case "interrupt":
        return interrupt(frame, conversation, principal)
      case "answer":
        return answer(frame, conversation, principal)
      case "control":
        return control(frame, conversation, principal)
      case "subscribe":
        return subscribe(frame, conversation, principal)
      case "unsubscribe":
        return unsubscribe(frame, conversation, principal)
    }
  }
})
