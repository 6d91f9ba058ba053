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

/** How many characters are cut before the pieces are handed on. */
const mostAtOnce = 1024;

/**
 * The same text in pieces, as many at a time as a part of it completes. Where they are cut depends on `random` alone,
 * not on the parts the text comes in; no surrogate pair is ever cut.
 */
export function* cutText(
  texts: Iterable<string>,
  sizes: PieceSizes,
  random: Random,
): Generator<readonly string[]> {
  const cutter = new TextCutter(sizes, random);
  for (const text of texts) {
    for (let start = 0; start < text.length; start += mostAtOnce) {
      const pieces = cutter.push(text.slice(start, start + mostAtOnce));
      if (pieces.length > 0) yield pieces;
    }
  }
  const last = cutter.end();
  if (last.length > 0) yield last;
}

class TextCutter {
  readonly #isJson: boolean;
  readonly #sizes: SizeSequence;
  readonly #random: Random;
  /** The next one. */
  #cut: Cut;
  #rest = '';

  constructor(sizes: PieceSizes, random: Random) {
    this.#isJson = sizes.kind === 'json';
    this.#sizes = new SizeSequence(sizes, random);
    this.#random = random;
    this.#cut = this.#drawCut();
  }

  /** The pieces that are complete whatever follows. */
  push(text: string): readonly string[] {
    // Joined, and not added to: each look at a string that was added to would go through its parts.
    this.#rest = this.#rest === '' ? text : [this.#rest, text].join('');
    // One character more, so that the one behind the last place is known.
    return this.#take(widestShift + 1);
  }

  end(): readonly string[] {
    return this.#take(-Infinity);
  }

  /** Cuts as long as there is text, and `spare` characters of it behind the drawn size. */
  #take(spare: number): readonly string[] {
    const text = this.#rest;
    const pieces: string[] = [];
    let position = 0;
    while (position < text.length && text.length - position > this.#cut.size + spare) {
      const end = pieceEnd(text, position, this.#cut);
      pieces.push(text.slice(position, end));
      position = end;
      this.#cut = this.#drawCut();
    }
    this.#rest = text.slice(position);
    return pieces;
  }

  #drawCut(): Cut {
    const size = this.#sizes.next();
    const share = size <= fragmentSize ? anywhere.fragments : anywhere.others;
    // Tokens of tool input are short, and end anywhere.
    return { size, isAnywhere: this.#isJson || this.#random() < share };
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
