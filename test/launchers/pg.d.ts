/** The part of the `pg` package that the tests use; it ships no types of its own. */
declare module "pg" {
  export interface ClientConfig {
    readonly connectionString: string
    readonly connectionTimeoutMillis?: number
    readonly query_timeout?: number
  }

  export interface QueryResult {
    readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
    readonly rowCount: number | null
  }

  export class Client {
    constructor(config: ClientConfig)
    connect(): Promise<void>
    query(text: string, values?: ReadonlyArray<unknown>): Promise<QueryResult>
    end(): Promise<void>
    on(event: "error", listener: (error: Error) => void): this
  }
}
