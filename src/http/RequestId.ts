import { SecureRandom } from "effect/crypto"

const wellFormed = /^[A-Za-z0-9._-]{1,128}$/

/** The client's own id for its request if it is well-formed, else a new one. */
export const requestIdOf = (header: string | undefined): string =>
  header !== undefined && wellFormed.test(header) ? header : SecureRandom.uuidV7Unsafe()
