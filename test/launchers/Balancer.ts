import { findOnPath } from "./Executables.ts"
import { startHaproxy } from "./Haproxy.ts"
import { startNginx } from "./Nginx.ts"
import { startRoundRobin } from "./RoundRobin.ts"

/** What stands before several instances. */
export interface Balancer {
  /** What it is: `haproxy`, `nginx`, or `round-robin` of our own. */
  readonly name: BalancerName
  readonly url: string
  stop(): Promise<void>
}

const names = ["haproxy", "nginx", "round-robin"] as const
export type BalancerName = (typeof names)[number]

/** The balancer of a name. */
export const balancerOf = (name: string): BalancerName => {
  const found = names.find((one) => one === name)
  if (found === undefined) throw new Error(`${name} is none of ${names.join(", ")}`)
  return found
}

/** Starts one before instances at fixed ports on 127.0.0.1; HAProxy and nginx from PATH or Debian's packages. */
export const startBalancer = (name: BalancerName, ports: ReadonlyArray<number>): Promise<Balancer> => {
  switch (name) {
    case "haproxy":
      return startHaproxy(ports)
    case "nginx":
      return startNginx(ports)
    case "round-robin":
      return startRoundRobin(ports)
  }
}

/** The one that is installed, or our own. */
export const installedBalancer = (): BalancerName => {
  if (findOnPath("haproxy") !== undefined) return "haproxy"
  return findOnPath("nginx") === undefined ? "round-robin" : "nginx"
}
