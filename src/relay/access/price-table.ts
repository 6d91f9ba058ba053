// What models cost, as of a day and from a source: an estimate for limits, no bill. `access.prices` replaces it.

export interface PriceTable {
  /** The day the prices were looked up, as `2026-10-24`. */
  readonly asOf: string;
  /** Where they stand. */
  readonly source: string;
  /** Such as `USD`. */
  readonly currency: string;
  /** By the model's id, or by its name without the date that an id may end with. */
  readonly models: Readonly<Record<string, ModelPrice>>;
}

/** For a million tokens each. */
export interface TokenPrices {
  readonly input: number;
  /** Written to the cache for five minutes, and for an hour. */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
  readonly output: number;
}

export interface ModelPrice extends TokenPrices {
  /** Of every token of a request whose input, cached or not, is longer than `aboveTokens`. */
  readonly longPrompt?: (TokenPrices & { readonly aboveTokens: number }) | undefined;
}

/** The usual ratios: a cache is written for 1.25 or 2 times the price of input, and read for a part of it. */
function price(input: number, output: number, cacheRead: number): TokenPrices {
  return { input, cacheWrite5m: input * 1.25, cacheWrite1h: input * 2, cacheRead, output };
}

const fable = price(10, 50, 1);
const fable51 = price(10, 50, 0.25);
const opus = price(5, 25, 0.5);
const sonnet4 = price(3, 15, 0.3);

export const publishedPrices: PriceTable = {
  asOf: '2026-10-24',
  source: 'https://platform.claude.com/docs/en/about-claude/pricing',
  currency: 'USD',
  models: {
    'claude-fable-5-1': fable51,
    'claude-mythos-5-1': fable51,
    'claude-fable-5': fable,
    'claude-mythos-5': fable,
    'claude-opus-5-5': price(4, 20, 0.2),
    'claude-opus-5': opus,
    'claude-opus-4-8': opus,
    'claude-opus-4-7': opus,
    'claude-opus-4-6': opus,
    'claude-opus-4-5': opus,
    'claude-opus-4-1': price(15, 75, 1.5),
    'claude-sonnet-5-5': price(2, 10, 0.1),
    'claude-sonnet-5': price(2, 10, 0.2),
    'claude-sonnet-4-6': sonnet4,
    'claude-sonnet-4-5': sonnet4,
    'claude-haiku-5-5': {
      ...price(0.1, 0.5, 0.01),
      longPrompt: { ...price(0.5, 2.5, 0.05), aboveTokens: 100_000 },
    },
    'claude-haiku-4-5': price(1, 5, 0.1),
  },
};
