// The body of an answer on its way into a recording: each piece is decoded, rid of secrets, counted and written.

import { BodyDecoder } from './body-decoder.ts';
import { EventCounter } from './event-counter.ts';
import type { RecordingWriter } from './recording-writer.ts';
import type { MaskedStream, SecretMask } from './secret-mask.ts';

/** Pieces that wait to be decoded, in bytes; beyond it `push` gives a promise to wait for. */
const maxWaitingBytes = 2 ** 20;

export class RecordedBody {
  readonly #writer: RecordingWriter;
  readonly #decoder: BodyDecoder;
  readonly #masked: MaskedStream;
  readonly #events = new EventCounter();
  /** The pieces one after the other. */
  #last: Promise<void> = Promise.resolve();
  #waitingBytes = 0;

  constructor(writer: RecordingWriter, options: { mask: SecretMask; contentEncoding: string | undefined }) {
    this.#writer = writer;
    this.#decoder = new BodyDecoder(options.contentEncoding);
    this.#masked = options.mask.openStream();
  }

  get eventCount(): number {
    return this.#events.count;
  }

  /** Takes a piece that came at `ms`. When too much waits there is a promise to await before the next one. */
  push(bytes: Buffer, ms: number): Promise<void> | undefined {
    this.#waitingBytes += bytes.length;
    this.#last = this.#last.then(() => this.#write(bytes, ms));
    return this.#waitingBytes > maxWaitingBytes ? this.#last : undefined;
  }

  /** Resolves when everything is written. */
  async end(): Promise<void> {
    await this.#last;
    this.#writer.addRest(this.#masked.end());
    this.#decoder.close();
  }

  async #write(bytes: Buffer, ms: number): Promise<void> {
    try {
      const decoded = await this.#decoder.decode(bytes);
      this.#waitingBytes -= bytes.length;
      if (decoded.length === 0) return;
      this.#events.push(decoded);
      this.#writer.addChunk([ms, decoded.length], this.#masked.push(decoded));
    } catch (error) {
      this.#writer.fail(error);
    }
  }
}
