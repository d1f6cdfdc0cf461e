import { Context } from "effect"

/** How long the database may take, in milliseconds, and how much of it is used. */
export interface DatabaseLimitsShape {
  /** To have a connection, from the pool or a new one. */
  readonly connect: number
  /** For one statement, kept by the server itself. */
  readonly statement: number
  /** For a whole call of a repository, kept by this process: it holds when the server is frozen. */
  readonly call: number
  /** For a renewal of leases, which is worthless when it is late. */
  readonly renewal: number
  /** Most connections of this instance for everything but renewals. */
  readonly poolSize: number
}

/** The limits in force. They are read when a layer is built. */
export const DatabaseLimits = Context.Reference<DatabaseLimitsShape>("causeway/storage/DatabaseLimits", {
  defaultValue: () => ({ connect: 3000, statement: 5000, call: 5000, renewal: 2000, poolSize: 10 })
})
