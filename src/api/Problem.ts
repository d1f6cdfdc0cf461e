import { Schema, SchemaGetter } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { type CatalogueEntry, entryOf, type Failure, type FailureTag } from "../domain/errors/catalogue.ts"
import { toErrorObject } from "../domain/errors/ErrorObject.ts"
import { type ErrorObject, RetryAdvice } from "../domain/RunEvent.ts"

/** Media type of every failed answer (RFC 9457, section 3). */
export const problemContentType = "application/problem+json"

/** Where failures are explained. Relative to the server that answers (RFC 9457, section 3.1.1): it serves its own documentation. */
const documentation = "/docs/errors"

/** What a failed answer says: RFC 9457 with the one extension member `error`. */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
  readonly error: ErrorObject
}

/** The body of a failed answer. */
export const toProblem = (failure: Failure, requestId: string | null): ProblemBody => {
  const entry = entryOf(failure._tag)
  return {
    type: `${documentation}#${entry.error_id}`,
    title: entry.cause,
    status: entry.status,
    detail: failure.message,
    instance: `/requests/${requestId ?? "unknown"}`,
    error: toErrorObject(failure, requestId)
  }
}

const wireOf = <Fields extends Schema.Struct.Fields>(tag: FailureTag, entry: CatalogueEntry, details: Fields) =>
  Schema.Struct({
    type: Schema.String,
    title: Schema.String,
    status: Schema.Literal(entry.status),
    detail: Schema.String,
    instance: Schema.String,
    error: Schema.Struct({
      code: Schema.Literal(entry.code),
      error_id: Schema.Literal(entry.error_id),
      message: Schema.String,
      details: Schema.Struct(details),
      retry: RetryAdvice,
      request_id: Schema.NullOr(Schema.String)
    })
  }).annotate({ identifier: `${tag}Problem`, description: `${entry.cause} ${entry.remedy}` })

// One schema per class, so that the API's description has each body once. It holds the codec of its key.
const made = new Map<unknown, unknown>()

/**
 * Declares that an endpoint can fail with a class of the catalogue: its status, its body in
 * the API description, and, for the derived client, the way back to the class.
 */
export const problem = <Tag extends FailureTag, Fields extends Schema.Struct.Fields, Self extends Failure>(
  self: Schema.Class<Self, Schema.TaggedStruct<Tag, Fields>, unknown>
): Schema.Codec<Self, ProblemBody> => {
  const known = made.get(self)
  if (known !== undefined) return known as Schema.Codec<Self, ProblemBody>
  const { _tag, cause: _cause, ...fields } = self.fields as { readonly _tag: Schema.tag<Tag> } & Schema.Struct.Fields
  const tag = _tag.schema.literal
  const entry = entryOf(tag)
  const Failed = Schema.declare((value: unknown): value is Self => value instanceof self)
  const body = wireOf(tag, entry, fields).pipe(
    Schema.decodeTo(Failed, {
      // The wire has the fields of the class under `details`, so the constructor takes them as they are.
      decode: SchemaGetter.transform((wire) => new self(wire.error.details as never) as Self),
      encode: SchemaGetter.transform((failure) => toProblem(failure, null) as never)
    }),
    HttpApiSchema.asJson({ contentType: problemContentType }),
    HttpApiSchema.status(entry.status)
  )
  // The fields of failures are plain data: what TypeScript cannot see of generic ones is that no service is needed.
  const codec = body as unknown as Schema.Codec<Self, ProblemBody>
  made.set(self, codec)
  return codec
}
