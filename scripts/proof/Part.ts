/** What a part of the proof has found. */
export interface Findings {
  /** The commands that do the same by hand. */
  readonly commands: ReadonlyArray<string>
  /** What was not as it must be, each in a line; empty if all was. */
  readonly failures: ReadonlyArray<string>
  /** Markdown, without headings above the third level. */
  readonly text: string
}

/** One part of the proof: a program that takes minutes and answers with a section of docs/proof.md. */
export interface ProofPart {
  /** What it is called on the command line. */
  readonly name: string
  readonly title: string
  /** Whatever it throws is a failure. */
  readonly prove: () => Promise<Findings>
}
