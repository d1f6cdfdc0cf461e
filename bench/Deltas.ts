import { count, micros, percent, reportNote, reportTable, reportTitle } from "./Report.ts"
import { median } from "./Statistics.ts"
import { compareTurns, type MeasuredTurn } from "./Turns.ts"

const rounds = 5
const deltas = 10_000

const perSecond = ({ deltas, firstDelta, lastDelta }: MeasuredTurn) => ((deltas - 1) / (lastDelta - firstDelta)) * 1000

/** How fast a long text comes, piece by piece: through process, log and stream, and from the SDK by itself. */
export const deltasThrough = async (): Promise<void> => {
  const { bare, ours } = await compareTurns({ deltas, text: "word " }, rounds)
  const row = (name: string, turns: ReadonlyArray<MeasuredTurn>) => [
    name,
    count(median(turns.map((turn) => turn.deltas))),
    count(median(turns.map(perSecond))),
    micros(median(turns.map(({ cpu, deltas }) => (cpu / deltas) * 1e6)))
  ]
  reportTitle(`One run of ${count(deltas)} deltas, read to its end: medians of ${rounds} rounds`)
  reportTable(
    ["", "deltas at the reader", "deltas/s", "CPU/delta of the process around the agent"],
    [row("SDK alone", bare), row("Causeway", ours)]
  )
  reportNote(`Causeway over the SDK alone: ${percent(median(ours.map(perSecond)) / median(bare.map(perSecond)))}`)
}
