// What the two decoders share: bytes to text in front of the parser, and one rule for errors, so that both agree
// at every cut: an error never overtakes the events before it, and once thrown it stays.

import { ProtocolError } from './errors.ts';
import { SseParser } from './sse-parser.ts';
import type { SseDecoderOptions, ServerSentEvent } from './sse-parser.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

export abstract class Decoder<Event> {
  protected readonly parser: SseParser;
  readonly #utf8 = new Utf8Decoder();
  #error: ProtocolError | undefined;
  #ended = false;

  constructor(options: SseDecoderOptions = {}) {
    this.parser = new SseParser(options);
  }

  /** The error that the next call will throw: known as soon as the events before it have been returned. */
  get error(): ProtocolError | undefined {
    return this.#error;
  }

  /** Decodes the events that `chunk` finishes. */
  push(chunk: Uint8Array | string): Event[] {
    this.#check('push');
    return this.#read(this.#utf8.push(chunk));
  }

  /**
   * The end of the bytes. The standard drops an event that lacks its blank line; gateways are known to leave
   * out the last one, so it is returned here when its data is whole JSON, and dropped when it is not.
   */
  end(): Event[] {
    this.#check('end');
    this.#ended = true;
    // At most one U+FFFD, which ends no line: there is no event to be read here, only text to be held.
    this.#read(this.#utf8.end());
    return this.#collect((events) => {
      const sse = this.parser.end();
      if (sse !== undefined) events.push(this.toEvent(sse));
    });
  }

  /** Appends every event of the parser's text; throws ProtocolError at the first that is broken. */
  protected abstract readAll(events: Event[]): void;

  protected abstract toEvent(sse: ServerSentEvent): Event;

  #read(text: string): Event[] {
    this.parser.write(text);
    return this.#collect((events) => this.readAll(events));
  }

  #collect(read: (events: Event[]) => void): Event[] {
    const events: Event[] = [];
    try {
      read(events);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#error = error;
      if (events.length === 0) throw error;
    }
    return events;
  }

  #check(method: string): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#ended) throw new TypeError(`${method}() after end()`);
  }
}
