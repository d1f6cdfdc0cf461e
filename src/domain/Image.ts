import { Schema } from "effect"

/** Kinds of pictures that models take. */
export const ImageType = Schema.Literals(["image/jpeg", "image/png", "image/gif", "image/webp"])
export type ImageType = typeof ImageType.Type

/** A picture that goes with a prompt, as clients send it. */
export const PromptImage = Schema.Struct({
  /** What `data` is: the picture in base64, as when absent, or the URL where it is fetched. */
  type: Schema.optionalKey(Schema.Literals(["base64", "url"])),
  /** The picture itself says what it is; what is said here must agree. */
  media_type: Schema.optionalKey(ImageType),
  data: Schema.String.check(Schema.isMinLength(1))
})
export type PromptImage = typeof PromptImage.Type

/** A picture as a model gets it. */
export const LoadedImage = Schema.Struct({
  media_type: ImageType,
  /** In base64. */
  data: Schema.String,
  size_bytes: Schema.Int,
  /** In hexadecimal: which picture it was, for those who have it. */
  sha256: Schema.String,
  /** Where it was fetched; null when the client sent it. */
  url: Schema.NullOr(Schema.String)
})
export type LoadedImage = typeof LoadedImage.Type
