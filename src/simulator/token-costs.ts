// What the same request and the same answer count on models of each generation, as recorded: the newest tokenizer
// makes more tokens of a text, and each generation has its own words for tools.

import { generationOf } from './models.ts';

export interface TokenCosts {
  /** Tokens of a text for one of the older tokenizer: read, and written. */
  readonly scale: number;
  readonly outputScale: number;
  /** What offering tools adds beyond their definitions; what forcing one does. */
  readonly toolTokens: number;
  readonly forcedToolTokens: number;
  /** What a model writes before the first of its calls, where it is free to make none. */
  readonly openingTokens: number;
}

/** The first row whose generation is not above the model's counts. Figures from 4.7 on are of few recordings. */
const rows: readonly [generation: number, costs: TokenCosts][] = [
  [4.8, { scale: 1.25, outputScale: 1.26, toolTokens: 340, forcedToolTokens: 430, openingTokens: 10 }],
  [4.7, { scale: 1.25, outputScale: 1.46, toolTokens: 650, forcedToolTokens: 790, openingTokens: 28 }],
  [4.5, { scale: 1, outputScale: 1, toolTokens: 476, forcedToolTokens: 564, openingTokens: 16 }],
  [3.7, { scale: 1, outputScale: 1.02, toolTokens: 300, forcedToolTokens: 257, openingTokens: 16 }],
];
const oldest: TokenCosts = {
  scale: 1,
  outputScale: 1.07,
  toolTokens: 254,
  forcedToolTokens: 339,
  openingTokens: 16,
};

export function tokenCostsOf(model: string): TokenCosts {
  const generation = generationOf(model);
  return rows.find(([least]) => generation >= least)?.[1] ?? oldest;
}
