import { BlockList, isIP } from "node:net"

/**
 * What is not a public unicast address of IPv4: https://www.iana.org/assignments/iana-ipv4-special-registry and
 * multicast. The addresses where clouds keep their metadata are link-local or private.
 */
const reserved4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3]
] as const

/** IPv6 has one block of public unicast addresses; what is reserved in it, or leads back to IPv4, is not public. */
const public6 = ["2000::", 3] as const
const reserved6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20]
] as const

const reserved = new BlockList()
for (const [address, prefix] of reserved4) reserved.addSubnet(address, prefix, "ipv4")
for (const [address, prefix] of reserved6) reserved.addSubnet(address, prefix, "ipv6")
const global6 = new BlockList()
global6.addSubnet(...public6, "ipv6")

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4")

const isPublic = (address: string): boolean => {
  if (isIP(address) === 0) return false
  const family = familyOf(address)
  return !reserved.check(address, family) && (family === "ipv4" || global6.check(address, family))
}

/** A host as URLs write it, without the brackets of an IPv6 address and the dot of a full name. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "")

/** Which addresses may be reached: public ones, and what the operator names. */
export interface AddressRules {
  /** Whether a host may be reached whatever its address is. */
  allowsHost(host: string): boolean
  allowsAddress(address: string): boolean
}

/** Rules with exceptions: host names, addresses, and ranges such as `10.1.0.0/16`. Throws at what is none of them. */
export const makeAddressRules = (exceptions: ReadonlyArray<string>): AddressRules => {
  const hosts = new Set<string>()
  const ranges = new BlockList()
  for (const exception of exceptions) {
    const [address = "", prefix] = exception.replace(/^\[|\]$/g, "").split("/")
    if (isIP(address) === 0) hosts.add(exception.toLowerCase())
    else if (prefix === undefined) ranges.addAddress(address, familyOf(address))
    else ranges.addSubnet(address, Number(prefix), familyOf(address))
  }
  return {
    allowsHost: (host) => hosts.has(host.toLowerCase()),
    allowsAddress: (address) => isPublic(address) || (isIP(address) !== 0 && ranges.check(address, familyOf(address)))
  }
}
