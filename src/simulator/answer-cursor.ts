// A place in an answer, moved forward by what is known to stand before it.

import type { AnswerPart, TextPart } from './answer-part.ts';

/** More of the text before the place is not kept. */
const mostKept = 2000;

export class AnswerCursor {
  readonly #parts: Iterator<AnswerPart>;
  /** The first part that was not begun; undefined when it was not looked at yet. */
  #next: IteratorResult<AnswerPart> | undefined;
  /** The rest of the text part that was begun, of which `#held` is already taken from it. */
  #pieces: Iterator<string> = [].values();
  #held = '';
  #passed = '';

  constructor(parts: Iterable<AnswerPart>) {
    this.#parts = parts[Symbol.iterator]();
  }

  /** The text just before the place. */
  get passed(): string {
    return this.#passed;
  }

  /**
   * Goes on behind `text`, over whatever stands between its parts. False when it is not how the answer goes on: the
   * place is nowhere then.
   */
  passText(text: string): boolean {
    let rest = text;
    while (rest !== '') {
      const piece = this.#takeText();
      const length = Math.min(piece.length, rest.length);
      if (length === 0 || !rest.startsWith(piece.slice(0, length))) return false;
      this.#passed = (this.#passed + piece.slice(0, length)).slice(-mostKept);
      rest = rest.slice(length);
      this.#held = piece.slice(length);
    }
    return true;
  }

  /** Goes on behind a block of the type, if it is what comes next, but for thinking and an end before it. */
  passBlock(type: string): boolean {
    if (this.#hasHeld()) return false;
    let next = typeOf(this.#peek());
    while (next !== type && (next === 'thinking' || next === 'end')) {
      this.#next = undefined;
      next = typeOf(this.#peek());
    }
    if (next !== type) return false;
    this.#next = undefined;
    return true;
  }

  /** What stands behind the place. A text that was begun has its citations before it. */
  *rest(): Generator<AnswerPart> {
    if (this.#hasHeld()) yield { type: 'text', text: this.#textLeft() };
    const end = this.#peek();
    // An answer that goes on does so behind the end that it came to, if there is something.
    if (end?.type === 'end') {
      this.#next = undefined;
      if (this.#peek() === undefined) yield end;
    }
    for (let part = this.#peek(); part !== undefined; part = this.#peek()) {
      this.#next = undefined;
      yield part;
    }
  }

  /** Whether anything but an end stands behind the place. */
  hasMore(): boolean {
    const next = this.#hasHeld() || this.#peek();
    return next === true || (next !== undefined && next.type !== 'end');
  }

  /** The next text, not empty; empty at the end of the answer. */
  #takeText(): string {
    while (!this.#hasHeld()) {
      const part = this.#peek();
      if (part === undefined) return '';
      this.#next = undefined;
      if (part.type === 'text') this.#begin(part);
    }
    return this.#held;
  }

  #begin({ text }: TextPart): void {
    this.#pieces = text[Symbol.iterator]();
  }

  /** Whether the text part that was begun has more. */
  #hasHeld(): boolean {
    while (this.#held === '') {
      const { done, value } = this.#pieces.next();
      if (done === true) return false;
      this.#held = value;
    }
    return true;
  }

  *#textLeft(): Generator<string> {
    for (; this.#hasHeld(); this.#held = '') yield this.#held;
  }

  #peek(): AnswerPart | undefined {
    this.#next ??= this.#parts.next();
    return this.#next.done === true ? undefined : this.#next.value;
  }
}

/** The type of the block that the part becomes. */
function typeOf(part: AnswerPart | undefined): string | undefined {
  return part?.type === 'block' ? part.block.type : part?.type;
}
