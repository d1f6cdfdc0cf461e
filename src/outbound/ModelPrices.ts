/** Dollars per million tokens. */
export interface ModelPrice {
  readonly input: number
  readonly output: number
}

/** What a request used. */
export interface UsedTokens {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_creation_input_tokens?: number | null
  readonly cache_read_input_tokens?: number | null
}

// List prices by family; MEMORY_MODEL_PRICE is for everything else.
const families: ReadonlyArray<readonly [RegExp, ModelPrice]> = [
  [/haiku/i, { input: 1, output: 5 }],
  [/sonnet/i, { input: 3, output: 15 }],
  [/opus/i, { input: 5, output: 25 }]
]

/** What a model costs, as far as it is known. */
export const priceOf = (model: string): ModelPrice | null =>
  families.find(([pattern]) => pattern.test(model))?.[1] ?? null

/** What a request cost in dollars. */
export const costOf = (price: ModelPrice, used: UsedTokens): number =>
  (price.input *
    (used.input_tokens + 1.25 * (used.cache_creation_input_tokens ?? 0) + 0.1 * (used.cache_read_input_tokens ?? 0)) +
    price.output * used.output_tokens) /
  1_000_000
