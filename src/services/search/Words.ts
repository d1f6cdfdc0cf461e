import { baseForm } from "./IrregularForms.ts"

const runs = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*/gu
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

// Scripts without spaces between words are found by pairs of their characters.
const pairsOf = (run: string): ReadonlyArray<string> => {
  const characters = [...run]
  return characters.length < 2
    ? characters
    : characters.slice(1).map((character, index) => `${characters[index]}${character}`)
}

const contraction = /['’](?:s|re|ve|ll|d|m|t)$/u

/** The words of a text in lower case, without accents and apostrophes, irregular forms led back to their word. */
export const wordsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(runs)].flatMap(([run]) => {
    if (unspaced.test(run)) return pairsOf(run)
    const plain = run
      .toLowerCase()
      .replace(contraction, "")
      .normalize("NFKD")
      .replaceAll(/[\p{M}'’]/gu, "")
    return plain === "" ? [] : [baseForm(plain)]
  })
