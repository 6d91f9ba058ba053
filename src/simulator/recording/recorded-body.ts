// The body of an answer on its way into a recording: each piece is decoded, rid of secrets, counted and written.

import { BodyDecoder } from './body-decoder.ts';
import { EventCounter } from './event-counter.ts';
import type { RecordingWriter } from './recording-writer.ts';
import type { MaskedStream, SecretMask } from './secret-mask.ts';

export class RecordedBody {
  readonly #writer: RecordingWriter;
  readonly #decoder: BodyDecoder;
  readonly #masked: MaskedStream;
  readonly #events = new EventCounter();

  constructor(writer: RecordingWriter, options: { mask: SecretMask; contentEncoding: string | undefined }) {
    this.#writer = writer;
    this.#decoder = new BodyDecoder(options.contentEncoding);
    this.#masked = options.mask.openStream();
  }

  get eventCount(): number {
    return this.#events.count;
  }

  /** Writes what came at `ms`. One piece at a time. Never rejects: what goes wrong ends the recording. */
  async write(bytes: Buffer, ms: number): Promise<void> {
    try {
      const decoded = await this.#decoder.decode(bytes);
      if (decoded.length === 0) return;
      this.#events.push(decoded);
      this.#writer.addChunk([ms, decoded.length], this.#masked.push(decoded));
    } catch (error) {
      this.#writer.fail(error);
    }
  }

  end(): void {
    this.#writer.addRest(this.#masked.end());
    this.#decoder.close();
  }
}
