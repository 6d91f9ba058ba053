// Where a continuation joins what is already there. A model that was asked to go on sometimes says its last words
// again; this finds them, and holds back no more of the new text than it takes to be sure.

/** How much of the end of the old text may be said again. */
const maxOverlap = 512;

/** Overlaps shorter than these are chance: where going on would have joined two words into one, or gone on behind the
 * end of a line with the words in front of it, which is a repetition by itself; numbers do that more easily; behind a
 * space; and where the new text begins with white space, as going on would. */
const leastJoined = 3;
const leastJoinedNumbers = 6;
const leastBehindSpace = 12;
const leastBeforeSpace = 20;

/** So many characters in front of the overlap that repeat at the same distance, or behind it, make it the text's own
 * repetition, such as a list of equal items, and not the model's. In front, words such as `the` repeat by chance. */
const leastInFront = 10;
const leastBehind = 5;

/**
 * Joins the pieces of a continuation to the text before it.
 *
 * 1. A repetition of the last words is dropped: the longest one that is not the text's own, as a table's rule or a
 *    line that stands there twice would be.
 * 2. So are the last words behind an ellipsis, in whatever case and with whatever marks.
 * 3. Nothing else is dropped or changed.
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
    const { isOpen } = echoOf(this.#before, this.#held);
    return isOpen || isUndecided(this.#before, this.#held) ? '' : this.end();
  }

  /** What is still held back, when no more text comes. */
  end(): string {
    if (this.#held === undefined) return '';
    const said = Math.max(overlapOf(this.#before, this.#held), echoOf(this.#before, this.#held).length);
    const text = this.#held.slice(said);
    this.#held = undefined;
    return text;
  }
}

/**
 * Where the end of the text was held back from the request: the API takes no white space at the end of a prefill, and
 * half a character means nothing. The model writes it anew or not at all; what it writes of it is dropped.
 */
export class HeldBackSeam {
  #heldBack: string;

  constructor(heldBack: string) {
    this.#heldBack = heldBack;
  }

  push(piece: string): string {
    let length = 0;
    while (length < piece.length && this.#heldBack !== '') {
      // White space that the model leaves out; what stands behind it may come all the same.
      if (piece[length] !== this.#heldBack[0]) this.#heldBack = this.#heldBack.trimStart();
      if (piece[length] !== this.#heldBack[0]) this.#heldBack = '';
      if (this.#heldBack === '') break;
      this.#heldBack = this.#heldBack.slice(1);
      length += 1;
    }
    return piece.slice(length);
  }

  end(): string {
    return '';
  }
}

/** Whether more of the new text could make an overlap, a longer one, or show that it is none. */
function isUndecided(before: string, after: string): boolean {
  const most = Math.min(before.length, maxOverlap);
  for (let length = most; length > 0; length -= 1) {
    if (!before.startsWith(after.slice(0, length), before.length - length)) continue;
    if (length > after.length) return true;
    // What comes behind the longest overlap tells whether the text goes on repeating itself.
    const behind = after.slice(length);
    return length >= leastJoined && behind.length < leastBehind && after.startsWith(behind);
  }
  return false;
}

/** How many characters at the beginning of `after` repeat the end of `before`. */
function overlapOf(before: string, after: string): number {
  for (let length = Math.min(before.length, after.length, maxOverlap); length >= leastJoined; length -= 1) {
    if (!before.endsWith(after.slice(0, length))) continue;
    // The longest decides: shorter ones within it are the text's own repetition as well.
    return length >= leastOverlap(before, after) &&
      startsWord(before, length) &&
      !isOwnRepetition(before, after, length)
      ? length
      : 0;
  }
  return 0;
}

const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;

function leastOverlap(before: string, after: string): number {
  if (/^\s/.test(after)) return leastBeforeSpace;
  // Without spaces between words there is nothing to see of where they join.
  const isJoined = /[^ ]$/.test(before) && !unspaced.test(before.slice(-2) + after.slice(0, 2));
  if (!isJoined || !/^\S+\s+\S/.test(after)) return leastBehindSpace;
  return /^\S*\p{L}|^\S+\s+\S*\p{L}/u.test(after) ? leastJoined : leastJoinedNumbers;
}

/** Models repeat words, not ends of words. */
function startsWord(before: string, length: number): boolean {
  const start = before.length - length;
  return (
    /(?:^|\s)$/.test(before.slice(0, start)) ||
    /^\s/.test(before.slice(start)) ||
    unspaced.test(before.slice(start, start + 2))
  );
}

/** Whether the text repeats itself at this distance, whoever writes it. */
function isOwnRepetition(before: string, after: string, length: number): boolean {
  const overlap = after.slice(0, length);
  if (isPeriodic(overlap)) return true;
  const behind = after.slice(length, length + leastBehind);
  if (behind.length === leastBehind && overlap.startsWith(behind)) return true;
  const inFront = before.slice(0, -length);
  return inFront.endsWith(before.slice(-leastInFront)) || isWholeLines(inFront, overlap);
}

/** A line that stands there twice is not told from one that a model says twice, and stays. */
function isWholeLines(inFront: string, overlap: string): boolean {
  return overlap.startsWith('\n') || (overlap.endsWith('\n') && /(?:^|\n)$/.test(inFront));
}

const word = /[\p{L}\p{N}]+/gu;

/** As many words as a model says again, and more. */
const mostEchoed = 24;

/**
 * How many characters at the beginning of `after` are an ellipsis and the last words of `before`; and whether that is
 * still to be seen.
 */
function echoOf(before: string, after: string): { readonly length: number; readonly isOpen: boolean } {
  if (!/^(?:…|\.{3})/.test(after) || /(?:…|\.{2})\s*$/.test(before)) {
    return { length: 0, isOpen: '...'.startsWith(after) };
  }
  const words = (before.toLowerCase().match(word) ?? []).slice(-mostEchoed);
  const said = [...after.toLowerCase().matchAll(word)];
  // White space behind the words was said again with them.
  const space = /\s*$/.exec(before)?.[0] ?? '';
  let isOpen = false;
  for (let count = words.length; count > 0; count -= 1) {
    const wanted = words.slice(-count);
    if (
      !said.slice(0, count).every(([text], index) => isSaidAs(text, wanted, { index, last: said.length - 1 }))
    )
      continue;
    const last = said[count - 1];
    const final = wanted.at(-1) ?? '';
    const end = last === undefined ? Infinity : last.index + final.length;
    if (end + space.length > after.length) isOpen = true;
    else return { length: after.startsWith(space, end) ? end + space.length : end, isOpen };
  }
  return { length: 0, isOpen };
}

/** The last word may have been cut, and go on; the one that came last may not be all there. */
function isSaidAs(
  text: string,
  wanted: readonly string[],
  { index, last }: { index: number; last: number },
): boolean {
  const expected = wanted[index] ?? '';
  const isEnd = index === wanted.length - 1;
  return (
    text === expected || (index === last && expected.startsWith(text)) || (isEnd && text.startsWith(expected))
  );
}

/** Whether all of the text repeats itself at a distance of half its length or less. */
function isPeriodic(text: string): boolean {
  for (let distance = 1; distance <= text.length / 2; distance += 1)
    if (text.startsWith(text.slice(distance))) return true;
  return false;
}
