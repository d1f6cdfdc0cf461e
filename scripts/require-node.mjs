// One clear sentence instead of a syntax error deep inside, on a Node that cannot run this.
const [major, minor] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `Causeway needs Node 22.19 or newer and this is ${process.version}: ` +
      "`npm ci` brings Node 24 for npm's scripts on Linux (x64, arm64); elsewhere, install Node 24 first."
  )
  process.exit(1)
}
