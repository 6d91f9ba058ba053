// A client that is to read a stream which has yet to begin. It has a place among the readers before anything is waited
// for, and gives it back where no stream comes of it.

import { logStart } from '../storage/index.ts';
import type { EntryId } from '../storage/index.ts';
import type { Encoder } from './encoder.ts';
import type { TextStream } from './http.ts';
import type { ReaderPlace } from './reader-count.ts';
import type { Streams } from './streams.ts';

export interface NewReaderOptions {
  readonly streams: Streams;
  /** Undefined for a client that asked for no events. */
  readonly place: ReaderPlace | undefined;
  readonly signal: AbortSignal;
}

export class NewReader implements Disposable {
  readonly #options: NewReaderOptions;
  #isReading = false;

  constructor(options: NewReaderOptions) {
    this.#options = options;
  }

  /** False when the stream has as many readers as it may. */
  enter(id: string): boolean {
    return this.#options.place?.enter(id) ?? true;
  }

  /** The text of the stream that was entered; the place is its own from now on. */
  follow(id: string, encoder: Encoder, after: EntryId = logStart): TextStream {
    const { streams, place, signal } = this.#options;
    if (place === undefined) throw new TypeError(`Cannot follow the stream ${id}: no events were asked for`);
    this.#isReading = true;
    return streams.follow(id, encoder, { after, signal, place });
  }

  [Symbol.dispose](): void {
    if (!this.#isReading) this.#options.place?.leave();
  }
}
