// What the same request counts on models of each generation, as recorded: the newest tokenizer makes more tokens of
// a text, and each generation has its own words for tools.

import { generationOf } from './models.ts';

export interface TokenCosts {
  /** Tokens of a text for one of the older tokenizer. */
  readonly scale: number;
  /** What offering tools adds beyond their definitions; what forcing one does. */
  readonly toolTokens: number;
  readonly forcedToolTokens: number;
}

/** The first row whose generation is not above the model's counts. Figures from 4.7 on are of few recordings. */
const rows: readonly [generation: number, costs: TokenCosts][] = [
  [4.8, { scale: 1.25, toolTokens: 340, forcedToolTokens: 430 }],
  [4.7, { scale: 1.25, toolTokens: 650, forcedToolTokens: 790 }],
  [4.5, { scale: 1, toolTokens: 476, forcedToolTokens: 564 }],
  [3.7, { scale: 1, toolTokens: 300, forcedToolTokens: 257 }],
];
const oldest: TokenCosts = { scale: 1, toolTokens: 254, forcedToolTokens: 339 };

export function tokenCostsOf(model: string): TokenCosts {
  const generation = generationOf(model);
  return rows.find(([least]) => generation >= least)?.[1] ?? oldest;
}
