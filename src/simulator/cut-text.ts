// Text cut into the pieces that deltas carry. The sizes are drawn; the cut is then at the nearest place where a token
// can end, as recorded deltas are whole tokens.

import { SizeSequence } from './delta-sizes.ts';
import type { PieceSizes } from './delta-sizes.ts';
import type { Random } from './random.ts';
import { cutBefore } from './surrogate-pair.ts';

/** How far from the drawn size a cut may be. */
const widestShift = 6;

/** A delta of so few characters is mostly part of a word. */
const fragmentSize = 3;
/** The share of cuts at any character: recorded deltas of prose end within a word in about one of ten. */
const anywhere = { fragments: 0.4, others: 0.1 } as const;

/**
 * The same text in pieces. Where they are cut depends on `random` alone, not on the pieces the text comes in; no
 * surrogate pair is ever cut.
 */
export function* cutText(texts: Iterable<string>, sizes: PieceSizes, random: Random): Generator<string> {
  const sequence = new SizeSequence(sizes, random);
  const drawCut = (): Cut => {
    const size = sequence.next();
    const share = size <= fragmentSize ? anywhere.fragments : anywhere.others;
    // Tokens of tool input are short, and end anywhere.
    return { size, isAnywhere: sizes.kind === 'json' || random() < share };
  };
  let cut = drawCut();
  let rest = '';
  for (const text of texts) {
    // Joined, and not added to: each look at a string that was added to would go through its parts.
    rest = rest === '' ? text : [rest, text].join('');
    let position = 0;
    // One character more, so that the one behind the last place is known.
    while (rest.length - position > cut.size + widestShift + 1) {
      const end = pieceEnd(rest, position, cut);
      yield rest.slice(position, end);
      position = end;
      cut = drawCut();
    }
    rest = rest.slice(position);
  }
  for (let position = 0; position < rest.length;) {
    const end = pieceEnd(rest, position, cut);
    yield rest.slice(position, end);
    position = end;
    cut = drawCut();
  }
}

interface Cut {
  readonly size: number;
  readonly isAnywhere: boolean;
}

function pieceEnd(text: string, start: number, { size, isAnywhere }: Cut): number {
  const target = start + size;
  if (target >= text.length) return text.length;
  if (!isAnywhere) {
    for (let shift = 0; shift <= widestShift; shift += 1) {
      if (isTokenEnd(text, target + shift)) return target + shift;
      if (target - shift > start && isTokenEnd(text, target - shift)) return target - shift;
    }
  }
  const whole = cutBefore(text, target);
  return whole > start ? whole : target + 1;
}

/** Before a space, between words and marks, and around line ends: where tokens of prose mostly end. */
function isTokenEnd(text: string, position: number): boolean {
  if (position >= text.length) return true;
  const before = kinds[text.charCodeAt(position - 1)] ?? word;
  return before !== space && before !== (kinds[text.charCodeAt(position)] ?? word);
}

// Numbers, for a loop over most of what is written.
const word = 0;
const space = 1;
const lineEnd = 2;
const mark = 3;

/** Whatever is beyond ASCII counts as part of a word. */
const kinds = Uint8Array.from({ length: 0x1_00_00 }, (_, unit) => {
  const character = String.fromCharCode(unit);
  if (unit >= 128 || /\w/.test(character)) return word;
  if (character === '\n') return lineEnd;
  return character === ' ' ? space : mark;
});
