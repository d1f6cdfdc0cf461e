import { Schema } from "effect"

const place = {
  /** Which one of the request's images, from 0. */
  index: Schema.Int
} as const

/** A request brings more images than it may. */
export class TooManyImages extends Schema.TaggedError<TooManyImages>()("TooManyImages", { limit: Schema.Int }) {
  override get message() {
    return `A request may have at most ${this.limit} images.`
  }
}

/** The images of a request are over the limit together; the one with this index is the first too many. */
export class ImageTooLarge extends Schema.TaggedError<ImageTooLarge>()("ImageTooLarge", {
  ...place,
  limit_bytes: Schema.Int
}) {
  override get message() {
    return `The images of a request may have at most ${this.limit_bytes} bytes together.`
  }
}

/** An image is none that a model takes. */
export class ImageUnusable extends Schema.TaggedError<ImageUnusable>()("ImageUnusable", {
  ...place,
  reason: Schema.Literals(["not_base64", "not_an_image", "other_type", "not_a_url"])
}) {
  override get message() {
    return "An image is not a JPEG, PNG, GIF or WebP, or not what the request says that it is."
  }
}

/** What is wrong with the images of a request themselves. */
export type ImageFailure = TooManyImages | ImageTooLarge | ImageUnusable
