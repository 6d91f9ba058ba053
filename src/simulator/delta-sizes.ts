// How large the deltas of a model are, drawn from what was recorded of its family.

import { anyJson, deltaProfiles } from './delta-profiles.ts';
import { familyOf } from './model-family.ts';
import { drawQuantile } from './random.ts';
import type { Random } from './random.ts';

export type PieceKind = 'text' | 'thinking' | 'json';

/** The sizes of one block's deltas, in characters, from the least to the most. */
export interface PieceSizes {
  readonly kind: PieceKind;
  /** Of the first delta, where it is drawn from others. */
  readonly first?: readonly number[];
  readonly all: readonly number[];
}

/** What an answer begins with on the families nothing was recorded of: a token or two. */
const anyFirst: readonly number[] = deltaProfiles['haiku-4.5'].first ?? [];

/** `isOpening` is whether the block is the first of its answer: what there is then is sent at once. */
export function pieceSizesOf(model: string, kind: PieceKind, isOpening: boolean): PieceSizes {
  const profile = deltaProfiles[familyOf(model)];
  if (kind === 'json') return { kind, all: profile.json ?? anyJson };
  // Thinking nothing was recorded of comes as text does.
  const all = (kind === 'thinking' ? profile.thinking : undefined) ?? profile.text;
  return isOpening ? { kind, all, first: profile.first ?? anyFirst } : { kind, all };
}

/**
 * How often a delta is about as large as the one before it, and how far its rank may then be from that one's: what
 * makes neighbours as alike as recorded ones (correlated by 0.4). Tool input is not: it has no such rhythm.
 */
const alike = { text: 0.5, thinking: 0.5, json: 0 } satisfies Record<PieceKind, number>;
const widestStep = 0.2;

export class SizeSequence {
  readonly #sizes: PieceSizes;
  readonly #random: Random;
  /** The share of all deltas that are smaller than the last one; undefined before the first. */
  #rank: number | undefined;

  constructor(sizes: PieceSizes, random: Random) {
    this.#sizes = sizes;
    this.#random = random;
  }

  next(): number {
    const { first, all, kind } = this.#sizes;
    if (this.#rank === undefined) {
      this.#rank = this.#random();
      if (first !== undefined) return Math.round(drawQuantile(first, this.#random()));
    } else if (alike[kind] > 0 && this.#random() < alike[kind]) {
      this.#rank = reflect(this.#rank + (this.#random() - 0.5) * 2 * widestStep);
    } else this.#rank = this.#random();
    return Math.round(drawQuantile(all, this.#rank));
  }
}

/** Back into [0, 1), so that over a whole stream each rank is as frequent as any other. */
function reflect(rank: number): number {
  if (rank < 0) return -rank;
  return rank < 1 ? rank : 2 - rank - Number.EPSILON;
}
