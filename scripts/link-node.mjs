// Two packages offer a `node` binary, and npm 10 links neither: link the one that fits this machine.
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs"

const name = `node-${process.platform}-${process.arch}`
if (existsSync(`node_modules/${name}/bin/node`)) {
  mkdirSync("node_modules/.bin", { recursive: true })
  rmSync("node_modules/.bin/node", { force: true })
  symlinkSync(`../${name}/bin/node`, "node_modules/.bin/node")
}
