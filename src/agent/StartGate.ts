import type { Options } from "@anthropic-ai/claude-agent-sdk"
import { Effect } from "effect"
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { AgentStartFailed } from "../domain/errors/AgentErrors.ts"
import type { TurnDirectory } from "./TurnDirectory.ts"

/** The name of the server that is the gate. No list of servers shows it. */
export const gateName = "causeway-start-gate"

const fileOf = ({ config }: TurnDirectory): string => join(config, "start-gate")

/**
 * Waits until the file is gone, as it is with its turn's directory, and is a server that has nothing from then on: one
 * that failed would be told to the model.
 */
const server = `while [ -e "$0" ]; do sleep 0.02; done
while read -r message; do
  case $message in *'"id":'*) ;; *) continue ;; esac
  id=\${message##*'"id":'} version=\${message##*'"protocolVersion":"'}
  id=\${id%%,*} version=\${version%%'"'*}
  case $message in
    *'"method":"initialize"'*)
      answer='"result":{"protocolVersion":"'$version'","capabilities":{},"serverInfo":{"name":"gate","version":"1"}}' ;;
    *) answer='"error":{"code":-32601,"message":"Method not found"}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,%s}\\n' "\${id%%'}'*}" "$answer"
done`

/**
 * Keeps an agent from the tool call with which its turn goes on. The CLI makes it as soon as it has started: the SDK's
 * first request, in which are the system prompt, the subagents and the hooks, comes too late for all of that turn. But
 * a turn begins when the MCP servers are there or have failed, so there is one more, which waits for a file to go.
 */
export const withGate = ({ mcpServers }: Options, directory: TurnDirectory): Partial<Options> => ({
  mcpServers: {
    ...mcpServers,
    [gateName]: { type: "stdio", command: "/bin/sh", args: ["-c", server, fileOf(directory)] }
  },
  mcpServersDelivery: "initialize"
})

export const closeGate = Effect.fn("StartGate.close")((directory: TurnDirectory) =>
  Effect.tryPromise({
    try: () => writeFile(fileOf(directory), ""),
    catch: (cause) => new AgentStartFailed({ reason: "directory", cause })
  })
)

export const openGate = (directory: TurnDirectory): Promise<void> => rm(fileOf(directory), { force: true })
