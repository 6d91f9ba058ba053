// Text cut into the pieces that deltas carry. The sizes are drawn; where a word ends nearby, the cut is there.

import { drawLogNormal } from './random.ts';
import type { Random } from './random.ts';
import { cutBefore } from './surrogate-pair.ts';

export type PieceKind = keyof typeof sizes;

/** Piece sizes in characters. Recorded p50 and p99 on the 4.6 models: 15 and 137 for text, 6 and 12 for tool input. */
const sizes = {
  text: { least: 2, median: 12, most: 129, sigma: 0.95, lookahead: 8 },
  json: { least: 1, median: 6, most: 11, sigma: 0.6, lookahead: 0 },
} as const;

/**
 * The same text in pieces. Where they are cut depends on `random` alone, not on the pieces the text comes in; no
 * surrogate pair is ever cut.
 */
export function* cutText(texts: Iterable<string>, kind: PieceKind, random: Random): Generator<string> {
  const { least, median, most, sigma, lookahead } = sizes[kind];
  const drawSize = (): number =>
    Math.round(Math.min(Math.max(drawLogNormal(random, median, sigma), least), most));
  let size = drawSize();
  let rest = '';
  for (const text of texts) {
    rest += text;
    let position = 0;
    while (rest.length - position > size + lookahead) {
      const end = pieceEnd(rest, position + size, lookahead);
      yield rest.slice(position, end);
      position = end;
      size = drawSize();
    }
    rest = rest.slice(position);
  }
  while (rest !== '') {
    const end = pieceEnd(rest, size, lookahead);
    yield rest.slice(0, end);
    rest = rest.slice(end);
    size = drawSize();
  }
}

/** Before the first space from `target` on; without one close by, at `target`, or one further in a pair. */
function pieceEnd(text: string, target: number, lookahead: number): number {
  if (target >= text.length) return text.length;
  const space = text.indexOf(' ', target);
  if (space >= 0 && space <= target + lookahead && lookahead > 0) return space;
  return cutBefore(text, target) < target ? target + 1 : target;
}
