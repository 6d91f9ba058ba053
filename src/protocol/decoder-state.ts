// What the two decoders share: bytes to text in front of the parser, and one rule for errors, so that both agree
// at every cut: an error never overtakes the events before it, and once thrown it stays.

import type { ProtocolError } from './errors.ts';
import { SseParser } from './sse-parser.ts';
import type { SseDecoderOptions, ServerSentEvent } from './sse-parser.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

export class DecoderState<Event> {
  readonly parser: SseParser;
  readonly #utf8 = new Utf8Decoder();
  readonly #readAll: (parser: SseParser, events: Event[]) => void;
  #error: ProtocolError | undefined;
  #ended = false;

  /** `readAll` appends every event of the parser's text, and throws at the first that is broken. */
  constructor(options: SseDecoderOptions, readAll: (parser: SseParser, events: Event[]) => void) {
    this.parser = new SseParser(options);
    this.#readAll = readAll;
  }

  /** What every further call will throw. */
  get error(): ProtocolError | undefined {
    return this.#error;
  }

  push(chunk: Uint8Array | string): Event[] {
    this.#check('push');
    return this.#read(this.#utf8.push(chunk));
  }

  /** The event that lacked only its blank line. */
  end(): ServerSentEvent | undefined {
    this.#check('end');
    this.#ended = true;
    const rest = this.#utf8.end();
    // At most one U+FFFD, which ends no line: there is no event to be read here, only text to be held.
    if (rest !== '') this.#read(rest);
    return this.parser.end();
  }

  #read(text: string): Event[] {
    const events: Event[] = [];
    this.parser.write(text);
    try {
      this.#readAll(this.parser, events);
    } catch (error) {
      // Nothing else is thrown here.
      this.#error = error as ProtocolError;
      if (events.length === 0) throw error;
    }
    return events;
  }

  #check(method: string): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#ended) throw new TypeError(`Cannot ${method}(): the stream was ended; use a new decoder`);
  }
}
