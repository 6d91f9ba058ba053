// Text that only grows, and can be read whole at any time.

/**
 * Grows by `+=`, which engines keep as a tree of the pieces, each piece perhaps a slice that holds on to the
 * network chunk it came from. So the tree is laid flat whenever the text has doubled: that is linear over the
 * stream, and keeps memory proportional to the text.
 */
export class FlatText {
  value: string;
  #flatLength: number;

  constructor(value = '') {
    this.value = value;
    this.#flatLength = Math.max(value.length, 1024);
  }

  append(piece: string): string {
    this.value += piece;
    if (this.value.length > 2 * this.#flatLength) {
      flatten(this.value);
      this.#flatLength = this.value.length;
    }
    return this.value;
  }
}

/** Reading a string as a number makes V8 lay it flat first; elsewhere this does nothing. */
function flatten(text: string): void {
  Number(text);
}
