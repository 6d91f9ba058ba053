// Where an answer has to stop before its end: at max_tokens, or before a stop sequence.

import { cutBefore } from './surrogate-pair.ts';
import { charactersIn, tokensOf } from './tokens.ts';

export type LimitReached =
  | { readonly type: 'max_tokens' }
  | { readonly type: 'stop_sequence'; readonly sequence: string };

/** Lets the texts of one answer through, in order, until a limit is reached. */
export class AnswerLimit {
  readonly #maxTokens: number;
  readonly #mostCharacters: number;
  /** Characters let through, over all texts. */
  #characters = 0;
  #reached: LimitReached | undefined;

  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens;
    this.#mostCharacters = charactersIn(maxTokens);
  }

  get reached(): LimitReached | undefined {
    return this.#reached;
  }

  /** What the texts let through come to. */
  get outputTokens(): number {
    return Math.min(tokensOf(this.#characters), this.#maxTokens);
  }

  /** The text up to where the answer may go. Nothing may be passed after a limit was reached. */
  *pass(text: Iterable<string>, stopSequences: readonly string[] = []): Generator<string> {
    for (const piece of stopSequences.length === 0 ? text : this.#untilStop(text, stopSequences)) {
      const room = this.#mostCharacters - this.#characters;
      const end = piece.length <= room ? piece.length : cutBefore(piece, room);
      this.#characters += end;
      if (end > 0) yield piece.slice(0, end);
      if (end < piece.length) {
        this.#reached = { type: 'max_tokens' };
        return;
      }
    }
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
