import { startPostgres } from "../test/launchers/Postgres.ts"
import { makeQuestions } from "./memory/Conversations.ts"
import { evaluate, type Results } from "./memory/Evaluation.ts"
import { tuned, unseen } from "./memory/Kinds.ts"
import { millis, percent, progress, reportNote, reportTable, reportTitle } from "./Report.ts"

const conversations = 5

const share = (value: number): string => value.toFixed(3)

const report = (results: Results): void =>
  reportTable(
    ["questions", "number", "BM25 @5", "@10", "Causeway @5", "@10", "ratio @10", "BM25", "Causeway"],
    [...results].map(([name, { causeway, plain }]) => [
      name,
      String(plain.questions),
      share(plain.at5),
      share(plain.at10),
      share(causeway.at5),
      share(causeway.at10),
      plain.at10 === 0 ? "–" : percent(causeway.at10 / plain.at10),
      millis(plain.millis),
      millis(causeway.millis)
    ])
  )

/** How much of the evidence a search finds, beside plain BM25. */
export const memory = async (): Promise<void> => {
  const postgres = await startPostgres({ fsync: false })
  try {
    const sets = [
      ["conversations that search was tuned with", makeQuestions(1, tuned, conversations), "metadata"],
      ["the same, other seed", makeQuestions(2, tuned, conversations), "metadata"],
      ["conversations of other kinds, not tuned with", makeQuestions(3, unseen, conversations), "metadata"],
      ["these, as lines of a transcript without metadata", makeQuestions(3, unseen, conversations), "transcript"],
      ["these, without dates", makeQuestions(3, unseen, conversations), "text"]
    ] as const
    reportTitle("Memory: evidence recall, without an embedder")
    reportNote(
      "BM25: k1 1.2, b 0.75, no stemming, no stop words, over the day (if there is one), the speaker and the text of each turn."
    )
    for (const [title, set, style] of sets) {
      progress(title)
      reportTitle(`${title}: ${set.turns.length} turns`)
      report(await evaluate(await postgres.createDatabase(), set, style))
    }
  } finally {
    await postgres.stop()
  }
}
