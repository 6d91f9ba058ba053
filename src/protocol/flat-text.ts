// Text that only grows, and can be read whole at any time.

/** How long the end of a text may grow. */
const endLength = 1024;

/**
 * Grows by `+=`, which engines keep as a tree: one node of some tens of bytes for each piece, and each piece perhaps
 * a slice that holds on to the network chunk it came from. So the end of the text is laid flat again and again, while
 * its pieces are young: that is linear over the stream, and keeps memory proportional to the text. Reading a string as
 * a number makes V8 lay it flat; elsewhere that does nothing.
 */
export class FlatText {
  value = '';
  #begun = '';
  #end = '';

  append(piece: string): string {
    this.#end += piece;
    if (this.#end.length > endLength) {
      Number(this.#end);
      this.#begun += this.#end;
      this.#end = '';
    }
    this.value = this.#begun + this.#end;
    return this.value;
  }

  /** Lays the text flat: what is said when no more will come. */
  settle(): void {
    Number(this.value);
  }

  /** The whole text; it is empty afterwards. */
  take(): string {
    const { value } = this;
    this.value = this.#begun = this.#end = '';
    return value;
  }
}
