// Bytes to server-sent events. Follows the WHATWG HTML standard, section "Server-sent events", but for the end
// of the stream (see `end`). Reconnecting is the caller's: `lastEventId` and `retryMs` are what it needs.

import { DecoderState } from './decoder-state.ts';
import type { ProtocolError } from './errors.ts';
import type { SseDecoderOptions, ServerSentEvent } from './sse-parser.ts';

/**
 * Decodes a body of `text/event-stream`, cut anywhere.
 *
 * 1. The same bytes give the same events and the same error, wherever they are cut.
 * 2. It throws only ProtocolError `event_too_large`, and only after all events before it were returned: an error
 *    found behind events of the same chunk is in `error`, and thrown by the next call and every one after it.
 * 3. Time is linear in the bytes, memory is bounded by `maxEventBytes` plus the chunk.
 *
 * @example
 * const decoder = new SseDecoder();
 * for (const chunk of ['event: ping\nda', 'ta: {"type": "ping"}\n\n']) {
 *   for (const event of decoder.push(chunk)) console.log(event.event, event.data);
 * }
 */
export class SseDecoder {
  readonly #state: DecoderState<ServerSentEvent>;

  constructor(options: SseDecoderOptions = {}) {
    this.#state = new DecoderState(options, (parser, events) => {
      for (let event = parser.read(); event !== undefined; event = parser.read()) events.push(event);
    });
  }

  /** The `id` of the last frame that had one, empty before: what a reconnect sends as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.#state.parser.lastEventId;
  }

  /** What the last `retry:` field asked for, in milliseconds. */
  get retryMs(): number | undefined {
    return this.#state.parser.retryMs;
  }

  /** The error that the next call will throw: known as soon as the events before it have been returned. */
  get error(): ProtocolError | undefined {
    return this.#state.error;
  }

  /** Decodes the events that `chunk` finishes. */
  push(chunk: Uint8Array | string): ServerSentEvent[] {
    return this.#state.push(chunk);
  }

  /**
   * The end of the bytes. The standard drops an event that lacks its blank line; gateways are known to leave
   * out the last one, so it is returned here when its data is whole JSON, and dropped when it is not.
   */
  end(): ServerSentEvent[] {
    const event = this.#state.end();
    return event === undefined ? [] : [event];
  }
}

export type { SseDecoderOptions, ServerSentEvent } from './sse-parser.ts';
