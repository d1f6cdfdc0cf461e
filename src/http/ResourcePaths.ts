const resource = /^(\/api\/v1\/mcp-servers\/[^/?#]+\/resources\/)([^?#]+\/[^?#]*)/

/**
 * The URI of an MCP resource is the last part of a path, and clients may leave its slashes as they are. The router
 * takes one part for one parameter, so they are encoded here, before it sees them.
 */
export const encodeResourceUri = (url: string): string =>
  url.replace(resource, (_, path: string, uri: string) => path + uri.replaceAll("/", "%2F"))
