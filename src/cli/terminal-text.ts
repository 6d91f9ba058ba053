// Text of a model on its way to a terminal or a pipe.

import type { Writable } from 'node:stream';

/** What could drive a terminal rather than be read: control characters but tab and line feed, and the marks that
 * turn the direction of writing around. */
const unsafe =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export class TerminalText {
  readonly #stream: Writable & { readonly isTTY?: boolean };
  #endsLine = true;
  #isClosed = false;

  /** `onClosed` is called when the reader has gone, as `head` does; further text is dropped. */
  constructor(stream: Writable & { readonly isTTY?: boolean }, onClosed: () => void) {
    this.#stream = stream;
    // Never taken away: without a listener a write to a closed pipe would end the process with a stack trace.
    stream.on('error', () => {
      this.#isClosed = true;
      onClosed();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when more may be written. On a terminal control characters are left out; a pipe gets every byte. */
  async write(text: string): Promise<void> {
    const shown = this.#stream.isTTY === true ? text.replace(unsafe, '') : text;
    if (shown === '' || this.#isClosed) return;
    this.#endsLine = shown.endsWith('\n');
    await new Promise<void>((resolve) => {
      this.#stream.write(shown, () => resolve());
    });
  }

  /** Ends the last line. */
  async end(): Promise<void> {
    if (!this.#endsLine) await this.write('\n');
  }
}
