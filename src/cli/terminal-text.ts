// Text of a model on its way to a terminal or a pipe.

import type { Writable } from 'node:stream';

/** What could drive a terminal rather than be read: control characters but tab and line feed, and the marks that
 * turn the direction of writing around. */
const unsafe =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export function withoutControls(text: string): string {
  return text.replace(unsafe, '');
}

/** What a write fails with when nobody reads any more. */
const readerLeftCodes = new Set<unknown>(['EPIPE', 'ERR_STREAM_DESTROYED']);

export class TerminalText {
  readonly #stream: Writable & { readonly isTTY?: boolean };
  #endsLine = true;
  /** The first error of a write. */
  #error: Error | undefined;

  /** `onClosed` is called when nothing more can be written; further text is dropped. */
  constructor(stream: Writable & { readonly isTTY?: boolean }, onClosed: () => void) {
    this.#stream = stream;
    // Never taken away: without a listener a write that fails would end the process with a stack trace.
    stream.on('error', (error) => {
      this.#error ??= error;
      onClosed();
    });
  }

  /** The reader has gone, as `head` does. */
  get isClosed(): boolean {
    return this.#error !== undefined && readerLeft(this.#error);
  }

  /** Why text could not be written, if not for want of a reader. */
  get error(): Error | undefined {
    return this.isClosed ? undefined : this.#error;
  }

  /** Resolves when more may be written. On a terminal control characters are left out; a pipe gets every byte. */
  async write(text: string): Promise<void> {
    const shown = this.#stream.isTTY === true ? withoutControls(text) : text;
    if (shown === '' || this.#error !== undefined) return;
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

function readerLeft(error: Error): boolean {
  return 'code' in error && readerLeftCodes.has(error.code);
}
