// Text that only grows, and can be read whole at any time.

/** How much longer the text may grow before it is laid flat again. */
const growth = 1.25;

/**
 * Grows by `+=`, which engines keep as a tree: one node of some tens of bytes for each piece, and each piece perhaps
 * a slice that holds on to the network chunk it came from. So the tree is laid flat whenever the text has grown by a
 * quarter: that is linear over the stream, and keeps memory proportional to the text.
 */
export class FlatText {
  value = '';
  #nextLength = 1024;

  append(piece: string): string {
    this.value += piece;
    if (this.value.length > this.#nextLength) this.settle();
    return this.value;
  }

  /** Lays the text flat: also what is said when no more will come. */
  settle(): void {
    // Reading a string as a number makes V8 lay it flat first; elsewhere this does nothing.
    Number(this.value);
    this.#nextLength = Math.max(1024, this.value.length * growth);
  }

  /** The whole text; it is empty afterwards. */
  take(): string {
    const { value } = this;
    this.value = '';
    this.#nextLength = 1024;
    return value;
  }
}
