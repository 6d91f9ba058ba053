// Where an answer has to stop before its end: at max_tokens, or before a stop sequence. And what it counts.

import { countText, TokenCounter } from './count-text.ts';
import type { OutputCost } from './output-cost.ts';
import { cutBefore } from './surrogate-pair.ts';

export type LimitReached =
  | { readonly type: 'max_tokens' }
  | { readonly type: 'stop_sequence'; readonly sequence: string };

const plainCost: OutputCost = { openingTokens: 0, rate: 1 };

/** Lets the texts of one answer through, in order, until a limit is reached. */
export class AnswerLimit {
  readonly #maxTokens: number;
  /** Of everything let through, not rounded. */
  #tokens = 0;
  #reached: LimitReached | undefined;

  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens;
  }

  get reached(): LimitReached | undefined {
    return this.#reached;
  }

  /** What was let through comes to, so far. */
  get outputTokens(): number {
    if (this.#reached?.type === 'max_tokens') return this.#maxTokens;
    return Math.min(Math.round(this.#tokens), this.#maxTokens);
  }

  /** Counts what is no text. Where there is no room for it, the limit is reached. */
  spend(tokens: number): void {
    if (Math.round(this.#tokens + tokens) > this.#maxTokens) this.#reached = { type: 'max_tokens' };
    else this.#tokens += tokens;
  }

  /**
   * The text up to where the answer may go; white space before that place is left out, since no request may go on
   * from it. Nothing may be passed after a limit was reached.
   */
  *pass(
    text: Iterable<string>,
    stopSequences: readonly string[] = [],
    { openingTokens, rate }: OutputCost = plainCost,
  ): Generator<string> {
    this.spend(openingTokens);
    if (this.#reached !== undefined) return;
    const counter = new TokenCounter();
    const before = this.#tokens;
    let room = rate > 0 ? (this.#maxTokens - before) / rate : Infinity;
    let space = '';
    /** Whether nothing but white space was written of the whole answer. */
    let isBlank = before === 0;
    for (const piece of stopSequences.length === 0 ? text : this.#untilStop(text, stopSequences)) {
      if (isBlank) room = Math.max(room, costOfFirst(space + piece));
      const counted = counter.push(piece, room);
      this.#tokens = before + counter.tokens * rate;
      const isCut = counted < piece.length;
      const end = isCut ? cutBefore(piece, counted) : counted;
      const solidEnd = endOfSolid(piece, end);
      if (solidEnd > 0) {
        yield space + piece.slice(0, solidEnd);
        space = '';
        isBlank = false;
      }
      if (isCut) {
        this.#reached = { type: 'max_tokens' };
        return;
      }
      space += piece.slice(solidEnd);
    }
    if (space !== '') yield space;
    this.#countStop(counter, { before, rate });
  }

  /** The sequence was written, too, as recorded, though nobody sees it. */
  #countStop(counter: TokenCounter, { before, rate }: { before: number; rate: number }): void {
    if (this.#reached?.type !== 'stop_sequence') return;
    counter.push(this.#reached.sequence);
    this.#tokens = before + counter.tokens * rate;
  }

  /** Holds back as much as could still become a stop sequence. */
  *#untilStop(text: Iterable<string>, sequences: readonly string[]): Generator<string> {
    const longest = Math.max(...sequences.map(({ length }) => length));
    let held = '';
    for (const piece of text) {
      held += piece;
      const found = firstCompleted(held, sequences);
      if (found !== undefined) {
        yield held.slice(0, found.end - found.sequence.length);
        // Not before what stands in front of it has passed: max_tokens may come first.
        this.#reached = { type: 'stop_sequence', sequence: found.sequence };
        return;
      }
      const safe = cutBefore(held, Math.max(held.length - longest + 1, 0));
      yield held.slice(0, safe);
      held = held.slice(safe);
    }
    yield held;
  }
}

/** The first token of an answer is always written, whatever it is estimated at: there is no request for none. */
function costOfFirst(text: string): number {
  const [first = ''] = /^\s*\S?/u.exec(text) ?? [];
  return countText(first);
}

/** The position behind the last character before `end` that is no white space. */
function endOfSolid(text: string, end: number): number {
  let position = end;
  while (position > 0 && isSpace(text.charCodeAt(position - 1))) position -= 1;
  return position;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
}

/** The sequence that is complete first: whatever pieces the text comes in, it is the same one. */
function firstCompleted(
  text: string,
  sequences: readonly string[],
): { sequence: string; end: number } | undefined {
  let first: { sequence: string; end: number } | undefined;
  for (const sequence of sequences) {
    const position = text.indexOf(sequence);
    const end = position + sequence.length;
    if (position >= 0 && (first === undefined || end < first.end)) first = { sequence, end };
  }
  return first;
}
