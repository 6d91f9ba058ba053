// Where a continuation joins what is already there. A model that was asked to go on sometimes says its last words
// again; this finds them, and holds back no more of the new text than it takes to be sure.

/** How much of the end of the old text may be said again. */
const maxOverlap = 512;

/** Overlaps shorter than these are chance. The first counts where going on would have joined two words into one,
 * which is a repetition by itself; the second where the text could well go on like this. */
const leastGlued = 6;
const leastSpaced = 16;

/** So much of the old text beyond the overlap repeats at the same distance: a text that repeats itself, such as a
 * list of equal items, and not a model that does. */
const leastPeriodic = 4;

/**
 * Joins the pieces of a continuation to the text before it.
 *
 * 1. A repetition of the last words is dropped: the longest one that is not the text's own, as a table's rule or a
 *    line that stands there twice would be.
 * 2. Nothing else is dropped or changed.
 */
export class Seam {
  /** The end of the text before. */
  readonly #before: string;
  /** What is held back; undefined once it is decided. */
  #held: string | undefined = '';

  constructor(before: string) {
    // What is in front of the overlap tells whether the text repeats itself.
    this.#before = before.slice(-2 * maxOverlap);
  }

  /** The part of the new text that can be shown now. */
  push(piece: string): string {
    if (this.#held === undefined) return piece;
    this.#held += piece;
    return isOpen(this.#before, this.#held) ? '' : this.end();
  }

  /** What is still held back, when no more text comes. */
  end(): string {
    if (this.#held === undefined) return '';
    const text = this.#held.slice(overlapOf(this.#before, this.#held));
    this.#held = undefined;
    return text;
  }
}

/**
 * After a prefill: the API takes no white space at the end of one, so it was held back, and the model writes it
 * anew or not at all. What it writes of it is dropped.
 */
export class WhiteSpaceSeam {
  #heldBack: string;

  constructor(heldBack: string) {
    this.#heldBack = heldBack;
  }

  push(piece: string): string {
    let length = 0;
    while (length < piece.length && this.#heldBack !== '' && piece[length] === this.#heldBack[0]) {
      this.#heldBack = this.#heldBack.slice(1);
      length += 1;
    }
    if (length < piece.length) this.#heldBack = '';
    return piece.slice(length);
  }

  end(): string {
    return '';
  }
}

/** Whether more of the new text could make an overlap, or a longer one. */
function isOpen(before: string, after: string): boolean {
  const most = Math.min(before.length, maxOverlap);
  for (let length = most; length > after.length; length -= 1) {
    if (before.startsWith(after, before.length - length)) return true;
  }
  return false;
}

/** How many characters at the beginning of `after` repeat the end of `before`. */
function overlapOf(before: string, after: string): number {
  const isGlued = joinsWords(before, after);
  for (let length = Math.min(before.length, after.length, maxOverlap); length >= leastGlued; length -= 1) {
    if (!before.endsWith(after.slice(0, length))) continue;
    // The longest decides: shorter ones within it are the text's own repetition as well.
    const isLong = isGlued ? isTwoWords(after.slice(0, length)) : length >= leastSpaced;
    return isLong && startsWord(before, length) && !isOwnRepetition(before, length) ? length : 0;
  }
  return 0;
}

/** A letter or digit of a script that puts spaces between words. */
const wordEnd = /[\p{L}\p{N}]$/u;
const wordStart = /^[\p{L}\p{N}]/u;
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;

function joinsWords(before: string, after: string): boolean {
  return (
    wordEnd.test(before) && wordStart.test(after) && !unspaced.test(before.slice(-2) + after.slice(0, 2))
  );
}

function isTwoWords(overlap: string): boolean {
  return /\S\s+\S/.test(overlap);
}

/** Models repeat words, not ends of words. */
function startsWord(before: string, length: number): boolean {
  const start = before.length - length;
  return !wordEnd.test(before.slice(0, start)) || !wordStart.test(before.slice(start));
}

/** Whether the text before already repeats itself at this distance, or its lines do. */
function isOwnRepetition(before: string, length: number): boolean {
  const overlap = before.slice(-length);
  if (periodOf(overlap) <= length / 2) return true;
  let equal = 0;
  while (equal < leastPeriodic && isEqualAt(before, { back: equal + 1, distance: length })) equal += 1;
  if (equal === leastPeriodic) return true;
  // A line that stands there a second time: what repeats is whole lines, from one column to the same column.
  return (
    overlap.includes('\n') && columnAt(before, before.length) === columnAt(before, before.length - length)
  );
}

function isEqualAt(text: string, { back, distance }: { back: number; distance: number }): boolean {
  const unit = text[text.length - distance - back];
  return unit !== undefined && unit === text[text.length - back];
}

function columnAt(text: string, position: number): number {
  return position - (text.lastIndexOf('\n', position - 1) + 1);
}

/** The least distance at which all of the text repeats itself; its length when it does not. */
function periodOf(text: string): number {
  const borders = [0];
  let border = 0;
  for (let index = 1; index < text.length; index += 1) {
    while (border > 0 && text[index] !== text[border]) border = borders[border - 1] ?? 0;
    if (text[index] === text[border]) border += 1;
    borders.push(border);
  }
  return text.length - border;
}
