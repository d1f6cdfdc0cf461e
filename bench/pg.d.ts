/** The part of the `pg` package that only the benchmarks use. */
declare module "pg" {
  export interface NamedQuery {
    /** Under this name the server keeps the statement prepared. */
    readonly name: string
    readonly text: string
    readonly values: ReadonlyArray<unknown>
  }

  export class Pool {
    constructor(config: { readonly connectionString: string; readonly max: number })
    query(query: NamedQuery): Promise<QueryResult>
    end(): Promise<void>
  }
}
