import { AlreadyExists } from "../domain/errors/StorageErrors.ts"
import { ResourceLimitReached } from "../domain/errors/ResourceErrors.ts"
import { problem } from "./Problem.ts"
import { writeProblems } from "./Problems.ts"

/** What making a thing can fail with that a tenant keeps under a name. */
export const createProblems = [problem(AlreadyExists), problem(ResourceLimitReached), ...writeProblems] as const

/** What giving it a new content can fail with, when it is there. */
export const updateProblems = [problem(AlreadyExists), ...writeProblems] as const
