// Counts the events of a stream as they come, wherever they are cut.

const lineFeed = 10;
const carriageReturn = 13;

export class EventCounter {
  count = 0;
  #isLineEmpty = true;
  /** Whether the event under way has any line. */
  #hasLines = false;

  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === carriageReturn) continue;
      if (byte !== lineFeed) {
        this.#isLineEmpty = false;
        this.#hasLines = true;
        continue;
      }
      if (this.#isLineEmpty && this.#hasLines) {
        this.count += 1;
        this.#hasLines = false;
      }
      this.#isLineEmpty = true;
    }
  }
}
