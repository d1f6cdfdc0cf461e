import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

/**
 * Removes the System V segment of a killed PostgreSQL that was not started
 * again. It survives its processes, and the system has room for 4096 of them.
 */
export const releaseSharedMemory = async (dataDirectory: string): Promise<void> => {
  const lockFile = await readFile(join(dataDirectory, "postmaster.pid"), "utf8").catch(() => "")
  // Its seventh line holds the key and the id of the segment.
  const id = lockFile.split("\n")[6]?.trim().split(/\s+/)[1]
  if (id !== undefined) await run("ipcrm", ["-m", id]).catch(() => undefined)
}
