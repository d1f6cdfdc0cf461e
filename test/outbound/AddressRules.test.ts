import { assert, describe, it } from "vitest"
import { hostOf, makeAddressRules } from "../../src/outbound/AddressRules.ts"

const rules = makeAddressRules([])

describe("addresses that may be reached", () => {
  it.each(["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001:82a::200e"])(
    "are public ones, such as %s",
    (address) => assert.isTrue(rules.allowsAddress(address))
  )

  it.each([
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::a00:1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "no address",
    ""
  ])("are not others, such as %s", (address) => assert.isFalse(rules.allowsAddress(address)))
})

describe("an operator's exceptions", () => {
  it("are addresses, ranges and hosts", () => {
    const { allowsAddress, allowsHost } = makeAddressRules(["127.0.0.1", "10.1.0.0/16", "fd00::/8", "MCP.internal"])
    assert.deepEqual(["127.0.0.1", "10.1.2.3", "fd12::1"].map(allowsAddress), [true, true, true])
    assert.deepEqual(["127.0.0.2", "10.2.0.1", "::1"].map(allowsAddress), [false, false, false])
    assert.deepEqual(["mcp.internal", "MCP.INTERNAL", "internal", "x.mcp.internal"].map(allowsHost), [
      true,
      true,
      false,
      false
    ])
  })

  it("that are none of them are refused", () => {
    assert.throws(() => makeAddressRules(["10.0.0.0/99"]))
    assert.throws(() => makeAddressRules(["10.0.0.0/x"]))
  })
})

it("hosts are what a URL leads to, however it is written", () => {
  const hosts = ["http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://[::1]/", "http://localhost./"].map(
    (text) => hostOf(new URL(text))
  )
  assert.deepEqual(hosts, ["127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", "localhost"])
})
