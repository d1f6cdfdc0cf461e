import { Context, Effect, Equal, Layer, Option, Schedule } from "effect"
import { Doorbell } from "../cache/Doorbell.ts"
import type { Principal } from "../domain/ApiKey.ts"
import { type Approval, type ApprovalAnswer, type ApprovalId, questionsIn } from "../domain/Approval.ts"
import { ApprovalAnswered, ApprovalNotFound, ApprovalOver } from "../domain/errors/ApprovalErrors.ts"
import { Forbidden, ValidationFailed } from "../domain/errors/RequestErrors.ts"
import { NothingToAnswer, RunUnresponsive, type SessionNotFound } from "../domain/errors/SessionErrors.ts"
import type { DatabaseFailure } from "../domain/errors/StorageErrors.ts"
import type { Page, PagePosition } from "../domain/Page.ts"
import type { SessionId } from "../domain/Session.ts"
import { type ApprovalFilter, ApprovalRepository, type Delivery } from "../storage/ApprovalRepository.ts"
import { WebhookRepository } from "../storage/WebhookRepository.ts"
import { queueBell } from "./Executions.ts"
import { approvalBell } from "./OpenApprovals.ts"
import { asRead, type ReadFailure } from "./ReadFailure.ts"
import { Sessions } from "./Sessions.ts"

/** How often the sender looks whether its answer was taken, in milliseconds. */
const askEvery = 50

/** How long an answer may take to its run, in milliseconds: longer than it takes to notice that an instance has died. */
const patience = 10_000

/** What can become of an answer. */
export type AnswerFailure =
  ApprovalNotFound | ApprovalAnswered | ApprovalOver | Forbidden | ValidationFailed | RunUnresponsive | DatabaseFailure

/** What is answered to what a session asks: in full, or a single question by its text alone. */
export type SessionAnswer = ApprovalAnswer | string

/** Who says what a tool is called with says what the agent does: that is more than to allow it. */
const checkInput = (principal: Principal, given: SessionAnswer): Effect.Effect<void, Forbidden> =>
  typeof given === "string" || given.input === undefined || principal.has("query")
    ? Effect.void
    : Effect.fail(new Forbidden({ scope: "query" }))

type Issue = ValidationFailed["issues"][number]

/** Whether a person writes something else in the place of what the tool would be called with. */
const isRewritten = ({ input }: Approval, given: ApprovalAnswer): boolean =>
  given.decision === "allow" && given.input !== undefined && !Equal.equals(given.input, input)

const issuesOf = (asked: Approval, answer: ApprovalAnswer): ReadonlyArray<Issue> => {
  const { input, kind, rules, tool_name } = asked
  if (answer.decision === "deny") return []
  if (kind === "permission") {
    return [
      ...(answer.answers === undefined ? [] : [{ path: "body.answers", message: "It is no question" }]),
      ...(answer.scope === "session" && rules.length === 0
        ? [{ path: "body.scope", message: "There is no rule that would allow just this for the session" }]
        : []),
      ...(answer.scope === "session" && isRewritten(asked, answer)
        ? [{ path: "body.scope", message: "The rules allow what was asked, which is not what `input` says" }]
        : [])
    ]
  }
  const { answers = {} } = answer
  const questions = questionsIn(tool_name, input)
  const unknown = Object.keys(answers).filter((text) => !questions.some(({ question }) => question === text))
  return [
    ...(answer.scope === "session" ? [{ path: "body.scope", message: "A question is answered once" }] : []),
    ...(answer.input === undefined ? [] : [{ path: "body.input", message: "A question is answered by `answers`" }]),
    ...unknown.map((text) => ({ path: `body.answers.${text.slice(0, 100)}`, message: "This was not asked" })),
    ...questions.flatMap(({ multi_select, question }) => {
      const path = `body.answers.${question.slice(0, 100)}`
      const given = Object.hasOwn(answers, question) ? answers[question] : undefined
      if (given === undefined || given.length === 0) return [{ path, message: "is missing" }]
      return typeof given === "string" || multi_select ? [] : [{ path, message: "Only one may be chosen" }]
    })
  ]
}

/** Whether it is known what became of an answer: an agent has it, or its run is queued to go on, or has ended. */
const isKnown = ({ delivered, run_status, status }: Delivery): boolean =>
  delivered || status === "cancelled" || run_status === "queued"

/** What agents ask people: read, and answered on whichever instance. */
export class Approvals extends Context.Service<
  Approvals,
  {
    get(principal: Principal, id: ApprovalId): Effect.Effect<Approval, ApprovalNotFound | ReadFailure>
    list(
      principal: Principal,
      filter: ApprovalFilter,
      position: PagePosition | null,
      size: number
    ): Effect.Effect<Page<Approval>, ReadFailure>
    /** Stores an answer; answers when the run has it, or is on its way to go on. Of several answers one counts. */
    answer(
      principal: Principal,
      id: ApprovalId,
      answer: ApprovalAnswer
    ): Effect.Effect<Approval, AnswerFailure | ReadFailure>
    /** The same for what a session asks: what is named, or else the oldest that is open. */
    answerSession(
      principal: Principal,
      session: SessionId,
      id: ApprovalId | undefined,
      answer: SessionAnswer
    ): Effect.Effect<Approval, AnswerFailure | ReadFailure | SessionNotFound | NothingToAnswer>
  }
>()("causeway/services/Approvals") {
  static readonly layer = Layer.effect(
    Approvals,
    Effect.gen(function* () {
      const repository = yield* ApprovalRepository
      const doorbell = yield* Doorbell
      const sessions = yield* Sessions
      const webhooks = yield* WebhookRepository

      const get = Effect.fn("Approvals.get")(function* (principal: Principal, id: ApprovalId) {
        const found = yield* asRead(repository.find(principal.tenant_id, id))
        if (Option.isNone(found)) return yield* new ApprovalNotFound({ approval_id: id })
        return found.value
      })

      const awaitArrival = Effect.fnUntraced(function* ({ id, run_id }: Approval) {
        yield* doorbell.ring(approvalBell)
        const arrived = yield* repository
          .delivery(id)
          .pipe(
            Effect.repeat({ until: Option.exists(isKnown), schedule: Schedule.spaced(askEvery) }),
            Effect.timeoutOption(patience)
          )
        const delivery = Option.flatten(arrived)
        if (Option.isNone(delivery)) return yield* new RunUnresponsive({ run_id })
        if (delivery.value.status === "cancelled") {
          return yield* new ApprovalOver({ approval_id: id, status: "cancelled" })
        }
      })

      /** What a person writes in the place of an input was not seen by the tenant's hooks, which bind people too. */
      const rewriting = Effect.fnUntraced(function* ({ tenant_id }: Principal, asked: Approval, given: ApprovalAnswer) {
        if (!isRewritten(asked, given)) return []
        const binding = yield* webhooks.binding(tenant_id)
        if (!binding.some(({ events }) => events.includes("PreToolUse"))) return []
        return [{ path: "body.input", message: "The tenant's hooks decide about inputs: this one may not be changed" }]
      })

      const answer = Effect.fn("Approvals.answer")(function* (
        principal: Principal,
        id: ApprovalId,
        given: ApprovalAnswer
      ) {
        yield* checkInput(principal, given)
        const asked = yield* get(principal, id)
        const issues = [...issuesOf(asked, given), ...(yield* rewriting(principal, asked, given))]
        if (asked.status === "pending" && issues.length > 0) return yield* new ValidationFailed({ issues })
        const settled = yield* repository.settle(principal.tenant_id, id, given, principal.api_key_id)
        switch (settled._tag) {
          case "Absent":
            return yield* new ApprovalNotFound({ approval_id: id })
          case "Over":
            return settled.status === "answered"
              ? yield* new ApprovalAnswered({ approval_id: id })
              : yield* new ApprovalOver({ approval_id: id, status: settled.status })
          case "Settled":
            yield* settled.queued ? doorbell.ring(queueBell) : awaitArrival(settled.approval)
            return settled.approval
        }
      })

      /** A text is the answer to the one question that is open. */
      const inFull = Effect.fnUntraced(function* ({ input, tool_name }: Approval, given: SessionAnswer) {
        if (typeof given !== "string") return given
        const [first, ...others] = questionsIn(tool_name, input)
        if (first === undefined || others.length > 0) {
          const message =
            first === undefined ? "A permission needs a decision" : "Several questions need `decision` and `answers`"
          return yield* new ValidationFailed({ issues: [{ path: "body.answer", message }] })
        }
        const answered: ApprovalAnswer = { decision: "allow", answers: { [first.question]: given } }
        return answered
      })

      return Approvals.of({
        get,
        list: Effect.fn("Approvals.list")((principal, filter, position, size) =>
          asRead(repository.list(principal.tenant_id, filter, position, size))
        ),
        answer,
        answerSession: Effect.fn("Approvals.answerSession")(function* (principal, session_id, id, given) {
          yield* checkInput(principal, given)
          yield* sessions.get(principal, session_id)
          const asked =
            id === undefined
              ? yield* asRead(repository.findPending(principal.tenant_id, session_id))
              : Option.filter(Option.some(yield* get(principal, id)), (approval) => approval.session_id === session_id)
          if (Option.isNone(asked)) return yield* new NothingToAnswer({ session_id })
          return yield* answer(principal, asked.value.id, yield* inFull(asked.value, given))
        })
      })
    })
  )
}
