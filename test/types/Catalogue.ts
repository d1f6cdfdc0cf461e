// The catalogue is total: a failure without an entry, or an entry without a failure, does not compile.
import { Schema } from "effect"
import { problem } from "../../src/api/Problem.ts"
import type { catalogue, CatalogueEntry, Failure, FailureTag } from "../../src/domain/errors/catalogue.ts"
import type { RunFailure } from "../../src/domain/errors/RunFailure.ts"
import { RunTimedOut } from "../../src/domain/errors/AgentErrors.ts"
import { accepts, type Equal, holds } from "./Equal.ts"

holds<Equal<keyof typeof catalogue, FailureTag>>()
holds<Equal<Failure["_tag"], FailureTag>>()
holds<RunFailure extends Failure ? true : false>()

declare const entries: typeof catalogue

accepts<{ readonly [Tag in FailureTag]: CatalogueEntry }>(entries)

// @ts-expect-error a new tag has no entry yet
accepts<{ readonly [Tag in FailureTag | "BrandNew"]: CatalogueEntry }>(entries)

type Without<Tag extends FailureTag> = Omit<typeof catalogue, Tag>
declare const reduced: Without<"RedisUnavailable">

// @ts-expect-error an entry was taken away
accepts<{ readonly [Tag in FailureTag]: CatalogueEntry }>(reduced)

class BrandNew extends Schema.TaggedError<BrandNew>()("BrandNew", {}) {}

// @ts-expect-error an endpoint declares only failures that the catalogue knows
problem(BrandNew)

problem(RunTimedOut)
