import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import type { MemoryMetadata, MemoryScope } from "../../src/domain/Memory.ts"
import { TenantId } from "../../src/domain/Tenant.ts"
import { makeMemoryContents } from "../../src/services/MemoryContents.ts"
import { makeMemorySearch } from "../../src/services/MemorySearch.ts"
import { Embedder } from "../../src/outbound/Embedder.ts"
import { MemoryEmbeddingRepository } from "../../src/storage/MemoryEmbeddingRepository.ts"
import { MemoryIndexRepository } from "../../src/storage/MemoryIndexRepository.ts"
import { MemoryRepository } from "../../src/storage/MemoryRepository.ts"
import * as Migrations from "../../src/storage/Migrations.ts"
import * as ServerDatabase from "../../src/storage/ServerDatabase.ts"

/** A text with what is known of it, in one of several collections. */
export interface Document {
  readonly id: string
  readonly collection: string
  readonly text: string
  readonly metadata: MemoryMetadata
}

/** Causeway's search over a database of its own. */
export interface Searcher {
  readonly tenant: string
  readonly store: (documents: ReadonlyArray<Document>) => Promise<void>
  /** The ids of the documents found in a collection, best first. */
  readonly search: (
    question: string,
    collection: string | null,
    limit: number,
    also?: MemoryScope
  ) => Promise<ReadonlyArray<string>>
  readonly sql: (statement: string) => Promise<ReadonlyArray<Readonly<Record<string, unknown>>>>
  readonly close: () => Promise<void>
}

export const openSearcher = async (url: string): Promise<Searcher> => {
  const tenant = TenantId.make(crypto.randomUUID())
  const layer = Layer.mergeAll(
    MemoryRepository.layer,
    MemoryIndexRepository.layer,
    MemoryEmbeddingRepository.layer,
    Layer.succeed(Embedder, null),
    Digest.layerWebCrypto,
    SecureRandom.layerWebCrypto
  ).pipe(
    Layer.provideMerge(Migrations.layer),
    Layer.provideMerge(ServerDatabase.layer({ url: Redacted.make(url), applicationName: "benchmark" }))
  )
  const runtime = ManagedRuntime.make(layer)
  const { newMemory } = await runtime.runPromise(makeMemoryContents)
  const search = await runtime.runPromise(makeMemorySearch)
  const sql = (statement: string) =>
    runtime.runPromise(
      Effect.flatMap(SqlClient.SqlClient, (client) => client.unsafe<Record<string, unknown>>(statement))
    )
  await sql(`INSERT INTO tenants (id, name) VALUES ('${tenant}', 'benchmark')`)

  const store = async (documents: ReadonlyArray<Document>) => {
    for (let from = 0; from < documents.length; from += 200) {
      await runtime.runPromise(
        Effect.gen(function* () {
          const memories = yield* MemoryRepository
          const made = yield* Effect.forEach(documents.slice(from, from + 200), ({ collection, id, metadata, text }) =>
            newMemory(text, { ...metadata, id }, { project_id: collection })
          )
          yield* memories.add(tenant, made, { kind: "api_key", id: "benchmark" })
        })
      )
    }
    await sql("VACUUM ANALYZE")
  }

  return {
    tenant,
    store,
    search: async (question, collection, limit, also = {}) => {
      const scope = collection === null ? also : { ...also, project_id: collection }
      const { found } = await runtime.runPromise(search({ tenant, match: "only", scope }, question, limit))
      return found.map(({ metadata }) => String(metadata["id"]))
    },
    sql,
    close: () => runtime.dispose()
  }
}
