import { connect, type Socket } from "node:net"
import { keepExampleText } from "../service/Examples.ts"

/** One answer on a raw connection. */
export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** What came over a connection until it was closed. */
export interface RawExchange {
  readonly answers: ReadonlyArray<RawAnswer>
  /** What is left when the answers have been taken out: nothing, if the server speaks HTTP. */
  readonly rest: string
  /** Who closed: the server, cleanly or with a reset, or this end when the time was over. */
  readonly end: "closed" | "reset" | "open"
  readonly millis: number
}

/** A piece that is sent; a pause in milliseconds before the next; so many answers that are waited for. */
export type Piece = string | Uint8Array | number | { readonly answers: number }

const headEnd = "\r\n\r\n"

const takeChunked = (text: string): { readonly body: string; readonly rest: string } | undefined => {
  let body = ""
  for (let at = 0; ;) {
    const lineEnd = text.indexOf("\r\n", at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    const end = lineEnd + 2 + size
    if (!(size >= 0) || text.length < end + 2) return undefined
    body += text.slice(lineEnd + 2, end)
    at = end + 2
    if (size === 0) return { body, rest: text.slice(at) }
  }
}

const takeAnswer = (text: string): { readonly answer: RawAnswer; readonly rest: string } | undefined => {
  const end = text.indexOf(headEnd)
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]
  if (end < 0 || status === undefined) return undefined
  const lines = text.slice(0, end).split("\r\n").slice(1)
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()])
  )
  const after = text.slice(end + headEnd.length)
  const made = (body: string, rest: string) => ({ answer: { status: Number(status), headers, body }, rest })
  if (Number(status) < 200) return made("", after)
  if (headers.get("transfer-encoding") === "chunked") {
    const taken = takeChunked(after)
    return taken === undefined ? undefined : made(taken.body, taken.rest)
  }
  const length = Number(headers.get("content-length") ?? 0)
  return after.length < length ? undefined : made(after.slice(0, length), after.slice(length))
}

const takeAll = (text: string): { readonly answers: ReadonlyArray<RawAnswer>; readonly rest: string } => {
  const answers: Array<RawAnswer> = []
  for (let rest = text; ;) {
    const taken = takeAnswer(rest)
    if (taken === undefined) return { answers, rest }
    if (taken.answer.status >= 200) answers.push(taken.answer)
    rest = taken.rest
  }
}

const pause = (millis: number) => new Promise<void>((resolve) => void setTimeout(resolve, millis))

const sendPieces = async (
  socket: Socket,
  pieces: ReadonlyArray<Piece>,
  received: () => ReadonlyArray<RawAnswer>
): Promise<void> => {
  for (const piece of pieces) {
    if (typeof piece === "number") await pause(piece)
    else if (typeof piece === "object" && "answers" in piece) {
      while (socket.writable && received().length < piece.answers) await pause(5)
    } else if (socket.writable) socket.write(piece)
  }
}

/** Sends bytes, in pieces, and reads whatever comes until the server closes or the time is over. */
export const exchange = (
  url: string,
  pieces: ReadonlyArray<Piece>,
  limitMillis: number,
  /** Whether this end says that nothing more will come. */
  end = false
): Promise<RawExchange> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const started = performance.now()
    let text = ""
    let how: RawExchange["end"] = "closed"
    const socket = connect({ host: hostname, port: Number(port) })
    const limit = setTimeout(() => {
      how = "open"
      socket.destroy()
    }, limitMillis)
    socket.setEncoding("latin1")
    socket.on("data", (chunk: string) => (text += chunk))
    socket.on("error", () => {
      how = "reset"
    })
    socket.once("close", () => {
      clearTimeout(limit)
      const taken = takeAll(text)
      for (const { body } of taken.answers) keepExampleText(body)
      resolve({ ...taken, end: how, millis: performance.now() - started })
    })
    void sendPieces(socket, pieces, () => takeAll(text).answers).then(() => (end ? socket.end() : undefined))
  })
