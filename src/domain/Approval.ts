import { Option, Schema } from "effect"
import { ApiKeyId } from "./ApiKey.ts"
import { Moment } from "./Moment.ts"
import { RunId } from "./Run.ts"
import { SessionId } from "./Session.ts"

/** Identifies something that an agent asked a person. */
export const ApprovalId = Schema.String.check(Schema.isUUID()).pipe(Schema.brand("ApprovalId"))
export type ApprovalId = typeof ApprovalId.Type

/** What is asked: whether a tool may be used, or what the person wants. */
export const ApprovalKind = Schema.Literals(["permission", "question"])
export type ApprovalKind = typeof ApprovalKind.Type

/** Where it stands. `cancelled`: its run ended before an agent had heard an answer, or its subagent did without the call. */
export const ApprovalStatus = Schema.Literals(["pending", "answered", "expired", "cancelled"])
export type ApprovalStatus = typeof ApprovalStatus.Type

/** What a tool is called with. */
export const ToolInput = Schema.Record(Schema.String, Schema.Json)
export type ToolInput = typeof ToolInput.Type

/** Longest time that a request may give people to answer, in seconds: a week. */
const longestExpiry = 7 * 24 * 60 * 60

/** Whether people are asked what the agent may do, and how long they have. */
export const ApprovalPolicy = Schema.Struct({
  /** `deny` refuses at once what nobody has allowed; `ask` asks, and offers the agent the tool AskUserQuestion. */
  mode: Schema.Literals(["ask", "deny"]),
  /** Seconds until a question that nobody answers is refused; APPROVAL_EXPIRY when absent. */
  expires_in: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: longestExpiry })))
}).annotate({ identifier: "ApprovalPolicy" })
export type ApprovalPolicy = typeof ApprovalPolicy.Type

/** The name of the tool with which an agent asks questions. */
export const questionTool = "AskUserQuestion"

/** One of the questions that an agent asks at once. */
export const Question = Schema.Struct({
  question: Schema.String,
  header: Schema.String,
  /** Whether several options may be chosen. */
  multi_select: Schema.Boolean,
  options: Schema.Array(Schema.Struct({ label: Schema.String, description: Schema.String }))
}).annotate({ identifier: "Question" })
export type Question = typeof Question.Type

const AskedQuestions = Schema.Struct({
  questions: Schema.NonEmptyArray(
    Schema.Struct({
      question: Schema.String,
      header: Schema.optionalKey(Schema.String),
      multiSelect: Schema.optionalKey(Schema.Boolean),
      options: Schema.optionalKey(
        Schema.Array(Schema.Struct({ label: Schema.String, description: Schema.optionalKey(Schema.String) }))
      )
    })
  )
})
const decodeQuestions = Schema.decodeUnknownOption(AskedQuestions)

/** The questions in a call of a tool; empty when it is no call that asks any. */
export const questionsIn = (tool_name: string, input: ToolInput): ReadonlyArray<Question> =>
  tool_name === questionTool
    ? Option.match(decodeQuestions(input), {
        onNone: () => [],
        onSome: ({ questions }) =>
          questions.map(({ header = "", multiSelect = false, options = [], question }) => ({
            question,
            header,
            multi_select: multiSelect,
            options: options.map(({ description = "", label }) => ({ label, description }))
          }))
      })
    : []

const Message = Schema.String.check(Schema.isMaxLength(10_000))
const Answer = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100_000))

/** The fields of a person's answer. They are named as on the wire. */
export const approvalAnswerFields = {
  decision: Schema.Literals(["allow", "deny"]),
  /** `session` allows it from now on in this session, by the approval's `rules`, until that is taken back; `once` when absent. */
  scope: Schema.optionalKey(Schema.Literals(["once", "session"])),
  /** What the agent is told that may not. */
  message: Schema.optionalKey(Message),
  /** What the tool is called with instead. */
  input: Schema.optionalKey(ToolInput),
  /** The answers by the texts of the questions; several where several may be chosen. */
  answers: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Union([Answer, Schema.Array(Answer).check(Schema.isMaxLength(20))]))
  )
} as const

/** What a person answered. */
export const ApprovalAnswer = Schema.Struct(approvalAnswerFields).annotate({ identifier: "ApprovalAnswer" })
export type ApprovalAnswer = typeof ApprovalAnswer.Type

/** Something that an agent asked a person, and what became of it. */
export class Approval extends Schema.Class<Approval>("Approval")({
  id: ApprovalId,
  session_id: SessionId,
  run_id: RunId,
  kind: ApprovalKind,
  tool_name: Schema.String,
  tool_use_id: Schema.String,
  /** What the tool would be called with; of a question, the questions. */
  input: ToolInput,
  /** Why it is asked, if the agent or a hook said so. */
  reason: Schema.NullOr(Schema.String),
  /** What `scope: session` would allow, exactly; empty where no rule would hold. */
  rules: Schema.Array(Schema.String),
  status: ApprovalStatus,
  answer: Schema.NullOr(ApprovalAnswer),
  created_at: Moment,
  expires_at: Moment,
  answered_at: Schema.NullOr(Moment),
  /** The key with which it was answered; null also if that was before this was kept. */
  answered_by: Schema.NullOr(ApiKeyId)
}) {}

/** What becomes of a tool call: it is made with an input, or the agent is told why not. */
export type ToolDecision =
  { readonly behavior: "allow"; readonly input: ToolInput } | { readonly behavior: "deny"; readonly message: string }

const refusal = "The user does not allow it."

/** What an approval that is not open any more means for its tool call. */
export const decisionOf = ({ answer, input, status }: Pick<Approval, "answer" | "input" | "status">): ToolDecision => {
  if (status === "expired") return { behavior: "deny", message: "Nobody answered in time, so it is not allowed." }
  if (answer === null) return { behavior: "deny", message: refusal }
  if (answer.decision === "deny") return { behavior: "deny", message: answer.message || refusal }
  const answers = Object.entries(answer.answers ?? {}).map(
    ([question, given]) => [question, typeof given === "string" ? given : given.join(", ")] as const
  )
  return {
    behavior: "allow",
    input: {
      ...(answer.input ?? input),
      ...(answers.length === 0 ? {} : { answers: Object.fromEntries(answers) })
    }
  }
}
