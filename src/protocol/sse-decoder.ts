// Bytes to server-sent events. Follows the WHATWG HTML standard, section "Server-sent events", but for the end
// of the stream (see `end`). Reconnecting is the caller's: `lastEventId` and `retryMs` are what it needs.

import { Decoder } from './decoder.ts';
import type { ServerSentEvent } from './sse-parser.ts';

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
export class SseDecoder extends Decoder<ServerSentEvent> {
  /** The `id` of the last frame that had one, empty before: what a reconnect sends as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.parser.lastEventId;
  }

  /** What the last `retry:` field asked for, in milliseconds. */
  get retryMs(): number | undefined {
    return this.parser.retryMs;
  }

  protected override readAll(events: ServerSentEvent[]): void {
    for (let event = this.parser.read(); event !== undefined; event = this.parser.read()) events.push(event);
  }

  protected override toEvent(sse: ServerSentEvent): ServerSentEvent {
    return sse;
  }
}

export type { SseDecoderOptions, ServerSentEvent } from './sse-parser.ts';
