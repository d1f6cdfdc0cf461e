import type { catalogue, FailureTag } from "../../src/domain/errors/catalogue.ts"

/** The id of a failure of the catalogue. */
export type ErrorId = (typeof catalogue)[FailureTag]["error_id"]

/** How often each failure is counted, and logged under the id of the request. */
export type Counts = Readonly<Partial<Record<ErrorId, number>>>

/** What clients do while a part fails. */
export const operations = [
  "authenticate",
  "create tenant",
  "create key",
  "read session",
  "list",
  "start run",
  "mid-stream",
  "end of run",
  "interrupt",
  "resume",
  "fork",
  "delete"
] as const
export type Operation = (typeof operations)[number]

/** How PostgreSQL fails. */
export const postgresFaults = [
  "refused",
  "killed",
  "frozen",
  "restarted",
  "cut mid-statement",
  "out of connections",
  "read-only",
  "revoked right"
] as const
export type PostgresFault = (typeof postgresFaults)[number]

/** How Redis fails, in distributed mode. */
export const redisFaults = ["refused", "killed", "frozen", "restarted", "slow", "garbage in a key"] as const
export type RedisFault = (typeof redisFaults)[number]

interface Common {
  /** Most milliseconds to the answer; of a run under way: from the fault to its `done`. */
  readonly within: number
  readonly counted: Counts
  /** What is counted beside it, for a run that the operation is about. */
  readonly beside?: Counts
}

/** What is seen of an operation while a part fails. */
export type Cell =
  /** The one error body. `stored` tells whether what was asked for stands in PostgreSQL all the same. */
  | (Common & {
      readonly seen: "problem"
      readonly status: number
      readonly error_id: ErrorId
      readonly retryAfter: boolean
      readonly stored: boolean
    })
  /** The operation does what it does without the fault. */
  | (Common & { readonly seen: "success" })
  /** A run that is under way goes on, completes and is stored to its end. */
  | (Common & { readonly seen: "completed" })
  /**
   * A run that is under way tells its reader what it could not store: `error`, `result`, `done` without ids, or
   * 500 with `unsaved_result`. Later it stands in PostgreSQL as lost.
   */
  | (Common & { readonly seen: "unsaved"; readonly database: ErrorId })

export type Row = Readonly<Partial<Record<Operation, Cell>>>

/** Limits of the service's settings and constants, in milliseconds. */
const limits = { append: 3000, call: 5000, command: 1000, start: 30_000 }

/** What a machine of two busy cores may add to a limit. */
const slack = 3000

const at = (...parts: ReadonlyArray<number>): number => parts.reduce((sum, part) => sum + part, slack)

const problem = (
  status: 500 | 503,
  error_id: ErrorId,
  within: number = at(),
  change: { readonly counted?: Counts; readonly stored?: boolean } = {}
): Cell => ({
  seen: "problem",
  status,
  error_id,
  retryAfter: status === 503,
  within,
  counted: change.counted ?? { [error_id]: 1 },
  stored: change.stored ?? false
})

const success = (within: number = at(), counted: Counts = {}): Cell => ({ seen: "success", within, counted })

const completed = (within: number = at(), counted: Counts = {}): Cell => ({ seen: "completed", within, counted })

/**
 * What cannot be stored of a run is reported once as itself, with the database's reason beside it. A part of the
 * conversation that is known to be lost with it is a failure more.
 */
const unsaved = (database: ErrorId, within: number, lostTranscript = false): Cell => ({
  seen: "unsaved",
  database,
  within,
  counted: {
    ERR_SESSION_PERSIST_FAILED: 1,
    [database]: 1,
    ...(lostTranscript ? { ERR_TRANSCRIPT_NOT_STORED: 1 } : {})
  }
})

const everything = (cell: Cell): Row => Object.fromEntries(operations.map((operation) => [operation, cell]))

/** By APPEND_TIMEOUT the agent is frozen, since the lease could not be renewed, and is killed. */
const givenUp = at(limits.append)

/** PostgreSQL × operations. Recovery is the same everywhere: the same service answers again, without a restart. */
export const postgres: Readonly<Record<PostgresFault, Row>> = {
  // Nobody listens: no connection can be had.
  refused: {
    ...everything(problem(503, "ERR_DB_UNAVAILABLE")),
    "mid-stream": unsaved("ERR_DB_UNAVAILABLE", givenUp),
    "end of run": unsaved("ERR_DB_UNAVAILABLE", givenUp)
  },
  // All processes die at once, in the middle of the statements.
  killed: {
    ...everything(problem(503, "ERR_DB_OPERATIONAL")),
    "mid-stream": unsaved("ERR_DB_UNAVAILABLE", givenUp),
    "end of run": unsaved("ERR_DB_UNAVAILABLE", givenUp)
  },
  // Connections stay and nothing answers: only limits of the service's own end the waiting.
  frozen: {
    ...everything(problem(503, "ERR_DB_OPERATIONAL", at(limits.call))),
    "mid-stream": unsaved("ERR_DB_OPERATIONAL", givenUp),
    "end of run": unsaved("ERR_DB_OPERATIONAL", at(limits.call))
  },
  // The server says goodbye in the middle of the statements and is back in a moment: no run is lost.
  restarted: {
    ...everything(problem(503, "ERR_DB_OPERATIONAL")),
    "mid-stream": completed(at(limits.call)),
    "end of run": completed(at(limits.call))
  },
  // Only the network breaks. What was one statement is done behind the client's back; a transaction is not.
  "cut mid-statement": {
    ...everything(problem(503, "ERR_DB_OPERATIONAL")),
    "create tenant": problem(503, "ERR_DB_OPERATIONAL", at(), { stored: true }),
    "create key": problem(503, "ERR_DB_OPERATIONAL", at(), { stored: true }),
    "mid-stream": completed(at(limits.call)),
    "end of run": completed(at(limits.call))
  },
  // The server is well and lets nobody in.
  "out of connections": {
    ...everything(problem(503, "ERR_DB_UNAVAILABLE")),
    "mid-stream": unsaved("ERR_DB_UNAVAILABLE", givenUp),
    "end of run": unsaved("ERR_DB_UNAVAILABLE", givenUp)
  },
  // As after a failover to a standby: reading goes on.
  "read-only": {
    ...everything(problem(503, "ERR_DB_OPERATIONAL")),
    authenticate: success(),
    "read session": success(),
    list: success(),
    "mid-stream": unsaved("ERR_DB_OPERATIONAL", givenUp),
    "end of run": unsaved("ERR_DB_OPERATIONAL", givenUp)
  },
  // The server's own reason: to try again is of no use, so nobody is told to.
  "revoked right": {
    authenticate: problem(500, "ERR_DB_REFUSED"),
    "create tenant": problem(500, "ERR_DB_REFUSED"),
    "create key": problem(500, "ERR_DB_REFUSED"),
    "read session": problem(500, "ERR_SESSION_RETRIEVAL_FAILED"),
    list: problem(500, "ERR_SESSION_RETRIEVAL_FAILED"),
    "start run": problem(500, "ERR_SESSION_CREATE_FAILED"),
    // Nothing is waited for, so the agent is asked to stop and tells what it spent; its last words are lost.
    "mid-stream": unsaved("ERR_DB_REFUSED", givenUp, true),
    "end of run": unsaved("ERR_DB_REFUSED", givenUp),
    interrupt: problem(500, "ERR_SESSION_RETRIEVAL_FAILED"),
    resume: problem(500, "ERR_SESSION_CREATE_FAILED"),
    fork: problem(500, "ERR_SESSION_CREATE_FAILED"),
    delete: problem(500, "ERR_DB_REFUSED")
  }
}

/** A run cannot be announced to other instances, so none begins. Authentication has met the outage before. */
const notStarted = (within: number) => problem(503, "ERR_REDIS_UNAVAILABLE", within, { counted: missed(2) })

/** Each read that has to go past the cache is counted. */
const missed = (reads: number): Counts => ({ ERR_REDIS_UNAVAILABLE: reads })

const withoutRedis = (command: number): Row => ({
  authenticate: success(at(command), missed(1)),
  "create tenant": success(at(command), missed(1)),
  "create key": success(at(command), missed(1)),
  "read session": success(at(2 * command), missed(2)),
  list: success(at(command), missed(1)),
  "start run": notStarted(at(2 * command)),
  // When a run ends, its session is to be forgotten by the cache; the other one had reached that before.
  "mid-stream": completed(at(command), missed(1)),
  "end of run": completed(at(command)),
  // The run that is interrupted ends, and its session is to be forgotten by the cache.
  interrupt: { ...success(at(2 * command), missed(2)), beside: missed(1) },
  resume: notStarted(at(2 * command)),
  fork: notStarted(at(2 * command)),
  delete: success(at(2 * command), missed(2))
})

const asEver = (within: number): Row => ({
  ...everything(success(within)),
  "start run": success(limits.start),
  resume: success(limits.start),
  fork: success(limits.start),
  "mid-stream": completed(within),
  "end of run": completed(within)
})

/** Redis × operations, in distributed mode. */
export const redis: Readonly<Record<RedisFault, Row>> = {
  refused: withoutRedis(0),
  killed: withoutRedis(0),
  // Each command ends at its limit.
  frozen: withoutRedis(limits.command),
  // Back within a moment and empty: it held no only copy of anything.
  restarted: asEver(at()),
  // A quarter of the limit for each command: slower, and nothing else.
  slow: asEver(at(4 * limits.command)),
  "garbage in a key": {
    authenticate: success(at(), { ERR_CACHE_PARSE_FAILED: 1 }),
    "read session": success(at(), { ERR_CACHE_PARSE_FAILED: 1 })
  }
}

/** Why cells are not in the table. */
export const leftOut: ReadonlyArray<{
  readonly fault: PostgresFault | RedisFault
  readonly operations: ReadonlyArray<Operation>
  readonly reason: string
}> = [
  {
    fault: "garbage in a key",
    operations: operations.filter((operation) => operation !== "authenticate" && operation !== "read session"),
    reason: "Only principals and sessions are read from the cache; beyond authentication these operations read neither."
  }
]
