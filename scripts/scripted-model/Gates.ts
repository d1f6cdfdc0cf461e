interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
}

function closedGate(): Gate {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

/** Places where answers wait until a test lets them go on. */
export class Gates {
  readonly #gates = new Map<string, Gate>()

  /** Lets everybody through who waits there now or later. */
  open(name: string): void {
    this.#gate(name).open()
  }

  opened(name: string): Promise<void> {
    return this.#gate(name).opened
  }

  #gate(name: string): Gate {
    const gate = this.#gates.get(name) ?? closedGate()
    this.#gates.set(name, gate)
    return gate
  }
}
