// Text that arrives in pieces, taken out as one flat string. A plain `+=` would do, but engines then keep one
// node of some tens of bytes for each piece: a 10 MB line that comes byte by byte would hold hundreds of MB.

const piecesPerBlock = 1024;

export class TextBuffer {
  readonly #blocks: string[] = [];
  readonly #pieces: string[] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#blocks.length === 0;
  }

  append(piece: string): void {
    if (this.#pieces.push(piece) === piecesPerBlock) {
      this.#blocks.push(this.#pieces.join(''));
      this.#pieces.length = 0;
    }
  }

  /** The whole text; the buffer is empty afterwards. */
  take(): string {
    const text = this.#blocks.join('') + this.#pieces.join('');
    this.#blocks.length = 0;
    this.#pieces.length = 0;
    return text;
  }
}
