import { layer } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { AgentRepository } from "../../src/storage/AgentRepository.ts"
import { AgentShareRepository } from "../../src/storage/AgentShareRepository.ts"
import { ApiKeyRepository } from "../../src/storage/ApiKeyRepository.ts"
import { BudgetRepository } from "../../src/storage/BudgetRepository.ts"
import * as EmbeddedDatabase from "../../src/storage/EmbeddedDatabase.ts"
import { LeaseConnection } from "../../src/storage/LeaseConnection.ts"
import { MemoryEmbeddingRepository } from "../../src/storage/MemoryEmbeddingRepository.ts"
import { MemoryIndexRepository } from "../../src/storage/MemoryIndexRepository.ts"
import { MemoryJobRepository } from "../../src/storage/MemoryJobRepository.ts"
import { MemoryRepository } from "../../src/storage/MemoryRepository.ts"
import { MemorySettingsRepository } from "../../src/storage/MemorySettingsRepository.ts"
import * as Migrations from "../../src/storage/Migrations.ts"
import { ProjectRepository } from "../../src/storage/ProjectRepository.ts"
import { RetentionRepository } from "../../src/storage/RetentionRepository.ts"
import { ApprovalRepository } from "../../src/storage/ApprovalRepository.ts"
import { RunControlRepository } from "../../src/storage/RunControlRepository.ts"
import { RunEventRepository } from "../../src/storage/RunEventRepository.ts"
import { RunQueueRepository } from "../../src/storage/RunQueueRepository.ts"
import { RunReaderRepository } from "../../src/storage/RunReaderRepository.ts"
import { RunRepository } from "../../src/storage/RunRepository.ts"
import * as ServerDatabase from "../../src/storage/ServerDatabase.ts"
import { SessionRepository } from "../../src/storage/SessionRepository.ts"
import { SkillRepository } from "../../src/storage/SkillRepository.ts"
import { SlashCommandRepository } from "../../src/storage/SlashCommandRepository.ts"
import { TenantRepository } from "../../src/storage/TenantRepository.ts"
import { ToolPresetRepository } from "../../src/storage/ToolPresetRepository.ts"
import { TranscriptRepository } from "../../src/storage/TranscriptRepository.ts"
import { type PostgresServer, startPostgres } from "../launchers/Postgres.ts"
import { embeddedDirectory } from "./EmbeddedDirectory.ts"

/** All repositories over a database. */
export const repositories = Layer.mergeAll(
  AgentRepository.layer,
  AgentShareRepository.layer,
  ApiKeyRepository.layer,
  MemoryEmbeddingRepository.layer,
  BudgetRepository.layer,
  MemoryIndexRepository.layer,
  MemoryJobRepository.layer,
  MemoryRepository.layer,
  MemorySettingsRepository.layer,
  ProjectRepository.layer,
  RetentionRepository.layer,
  ApprovalRepository.layer,
  RunControlRepository.layer,
  RunEventRepository.layer,
  RunQueueRepository.layer,
  RunReaderRepository.layer,
  RunRepository.layer,
  SessionRepository.layer,
  SkillRepository.layer,
  SlashCommandRepository.layer,
  TenantRepository.layer,
  ToolPresetRepository.layer,
  TranscriptRepository.layer
)

export type Repositories = Layer.Success<typeof repositories> | SqlClient.SqlClient | LeaseConnection

/** A private PostgreSQL for a file of tests. */
export class Server extends Context.Service<Server, PostgresServer>()("causeway/test/storage/Server") {
  static readonly layer = Layer.effect(
    Server,
    Effect.acquireRelease(
      Effect.promise(() => startPostgres({ fsync: false })),
      (server) => Effect.promise(() => server.stop())
    )
  )
}

const migrated = Layer.provideMerge(repositories, Migrations.layer)

/** Repositories over an empty database of a server. */
export const onServer = (url: string) =>
  migrated.pipe(Layer.provideMerge(ServerDatabase.layer({ url: Redacted.make(url), applicationName: "causeway-test" })))

const freshOnServer = Layer.unwrap(
  Effect.gen(function* () {
    const server = yield* Server
    return onServer(yield* Effect.promise(() => server.createDatabase()))
  })
).pipe(Layer.provide(Server.layer))

/** Repositories over an empty embedded database. */
export const onEmbedded = migrated.pipe(
  Layer.provideMerge(Layer.unwrap(Effect.map(embeddedDirectory, EmbeddedDatabase.layer)))
)

const options = { excludeTestServices: true, timeout: 60_000 }

/** Runs tests on an empty database of a server. */
export const onServerDatabase = (name: string, tests: (it: Vitest.MethodsNonLive<Repositories>) => void): void =>
  layer(freshOnServer, options)(`${name}, server`, tests)

/** Runs the same tests on the embedded database and on a server. */
export const onBothDatabases = (name: string, tests: (it: Vitest.MethodsNonLive<Repositories>) => void): void => {
  layer(onEmbedded, options)(`${name}, embedded`, tests)
  onServerDatabase(name, tests)
}
