import { Effect, Result } from "effect"
import { Digest } from "effect/crypto"
import { Base64 } from "effect/encoding"
import { ImageTooLarge, ImageUnusable, TooManyImages } from "../domain/errors/ImageErrors.ts"
import { UrlUnreachable } from "../domain/errors/OutboundErrors.ts"
import type { ImageType, LoadedImage, PromptImage } from "../domain/Image.ts"
import { Settings } from "../domain/Settings.ts"
import { Outbound } from "../outbound/Outbound.ts"

/** Longest wait for an image that is fetched, in milliseconds. */
const fetchPatience = 15_000

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 16))

/** What the first bytes say: what a server or a client says of them proves nothing. */
const typeOf = (bytes: Uint8Array): ImageType | undefined => {
  const start = latin1(bytes)
  if (start.startsWith("\xff\xd8\xff")) return "image/jpeg"
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "image/png"
  if (/^GIF8[79]a/.test(start)) return "image/gif"
  if (/^RIFF.{4}WEBP/s.test(start)) return "image/webp"
  return undefined
}

/** Makes what gets the images of a request ready for a model: decoded or fetched, and looked at. */
export const makeImages = Effect.gen(function* () {
  const { maxImageBytes, maxImages } = yield* Settings
  const outbound = yield* Outbound
  const digest = yield* Digest.Digest

  const fetched = Effect.fn("Images.fetch")(function* (text: string, index: number, room: number) {
    if (!URL.canParse(text)) return yield* new ImageUnusable({ index, reason: "not_a_url" })
    const url = new URL(text)
    const request = { method: "GET", url, headers: { accept: "image/*" } }
    const answer = yield* outbound
      .send(request, { timeout: fetchPatience, maxBytes: room })
      .pipe(
        Effect.catchTag("UrlUnreachable", (failure) =>
          Effect.fail(
            failure.reason === "too_large" ? new ImageTooLarge({ index, limit_bytes: maxImageBytes }) : failure
          )
        )
      )
    if (answer.status === 200) return answer.body
    return yield* new UrlUnreachable({ host: url.hostname, reason: "status", status: answer.status })
  })

  const load = Effect.fnUntraced(function* (image: PromptImage, index: number, room: number) {
    const isUrl = image.type === "url"
    const bytes = isUrl ? yield* fetched(image.data, index, room) : Result.getOrUndefined(Base64.decode(image.data))
    if (bytes === undefined) return yield* new ImageUnusable({ index, reason: "not_base64" })
    if (bytes.length > room) return yield* new ImageTooLarge({ index, limit_bytes: maxImageBytes })
    const media_type = typeOf(bytes)
    if (media_type === undefined) return yield* new ImageUnusable({ index, reason: "not_an_image" })
    if (image.media_type !== undefined && image.media_type !== media_type) {
      return yield* new ImageUnusable({ index, reason: "other_type" })
    }
    const loaded: LoadedImage = {
      media_type,
      data: Base64.encode(bytes),
      size_bytes: bytes.length,
      sha256: yield* digest.digestHex(Digest.sha256, bytes),
      url: isUrl ? image.data : null
    }
    return loaded
  })

  return Effect.fn("Images.load")(function* (images: ReadonlyArray<PromptImage>) {
    if (images.length > maxImages) return yield* new TooManyImages({ limit: maxImages })
    const loaded: Array<LoadedImage> = []
    let room = maxImageBytes
    for (const [index, image] of images.entries()) {
      const one = yield* load(image, index, room)
      room -= one.size_bytes
      loaded.push(one)
    }
    return loaded
  })
})
