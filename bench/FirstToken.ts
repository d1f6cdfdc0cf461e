import { millis, reportNote, reportTable, reportTitle } from "./Report.ts"
import { median, quantile } from "./Statistics.ts"
import { compareTurns } from "./Turns.ts"

const rounds = 15

const column = (values: ReadonlyArray<number>) =>
  `${millis(median(values))} (${quantile(values, 0.25).toFixed(0)}–${quantile(values, 0.75).toFixed(0)})`

/** How much later the first event and the first token come through the service than from the SDK by itself. */
export const firstToken = async (): Promise<void> => {
  const { bare, ours } = await compareTurns({ text: "Roads over wet ground are causeways." }, rounds)
  const moments = [
    ["first event (init)", "firstEvent"],
    ["first token", "firstDelta"],
    ["end of the stream", "end"]
  ] as const
  reportTitle(`One query in a new session, agent not running yet: medians (middle halves) of ${rounds} rounds`)
  reportTable(
    ["", "SDK alone", "Causeway", "added", "added, quickest quarter"],
    moments.map(([name, moment]) => {
      const alone = bare.map((turn) => turn[moment])
      const through = ours.map((turn) => turn[moment])
      const quick = quantile(through, 0.25) - quantile(alone, 0.25)
      return [name, column(alone), column(through), millis(median(through) - median(alone)), millis(quick)]
    })
  )
  const gap = (turns: typeof bare) => median(turns.map((turn) => turn.firstDelta - turn.firstEvent))
  // Of a clock with ticks of 10 ms, so the mean of many turns.
  const cpu = (turns: typeof bare) => (turns.reduce((sum, turn) => sum + turn.cpu, 0) / turns.length) * 1000
  reportNote(
    [
      `CPU of the process around the agent, per query: ${millis(cpu(bare))} alone, ${millis(cpu(ours))} of Causeway`,
      `From init to the first token: ${millis(gap(bare))} alone, ${millis(gap(ours))} through Causeway`,
      "Target: first token at most 15 ms later"
    ].join("\n")
  )
}
