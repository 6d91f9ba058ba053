// The format of `toReadableStream`, which the official SDK reads and writes as well: every event as JSON on a line of
// its own. Here an error is a line too, the last one, so that it reaches another process as what it is.

import { parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import type { StreamEvent } from '../protocol/index.ts';
import type { ClientEvent } from './answer.ts';
import { errorEventOf } from './error-line.ts';
import { isRecover } from './message-stream-listeners.ts';
import { ReaderError } from './reader-error.ts';

export interface ReadableStreamOptions {
  /** Writes `recover` events that take back what was written before. Only for readers that know them, as
   * `MessageStream.fromReadableStream` of this client does: to others the answer would be wrong. Default false: the
   * stream fails there with ReaderError `taken_back`. */
  recover?: boolean | undefined;
}

/**
 * Encodes events as lines, each only when it is asked for. After an error line the stream itself fails with the error,
 * for readers that do not know the line. Cancelling leaves the loop.
 */
export function toLines(
  events: AsyncIterableIterator<ClientEvent, undefined> & AsyncDisposable,
  { recover = false }: ReadableStreamOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  /** The highest index written so far. */
  let highest = -1;
  let failure: { error: unknown } | undefined;
  const check = (event: ClientEvent): void => {
    if (event.type === 'content_block_start') highest = Math.max(highest, (event as { index: number }).index);
    if (recover || !isRecover(event) || event.from_index > highest) return;
    throw new ReaderError(
      'taken_back',
      `Cannot write the answer on: it was begun anew at block ${event.from_index}, which was written before`,
    );
  };
  return new ReadableStream(
    {
      pull: async (controller) => {
        if (failure !== undefined) return controller.error(failure.error);
        let line: unknown;
        try {
          const { value, done } = await events.next();
          if (done === true) return controller.close();
          check(value);
          line = value;
        } catch (error) {
          failure = { error };
          await events[Symbol.asyncDispose]();
          line = errorEventOf(error);
        }
        return controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      },
      cancel: async () => events[Symbol.asyncDispose](),
    },
    { highWaterMark: 0 },
  );
}

/** The most of a line, as of an event. */
const maxLineLength = 32 * 1024 * 1024;

/** Decodes lines, cut anywhere. Throws ProtocolError for what is no line of an answer, after the events before it. */
export class LineDecoder {
  readonly #decoder = new TextDecoder();
  /** The beginning of a line whose end has not come, in pieces: to join them at every chunk would be quadratic. */
  #pieces: string[] = [];
  #length = 0;

  *push(chunk: Uint8Array | string): Generator<StreamEvent, void, undefined> {
    yield* this.#take(typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true }));
  }

  *end(): Generator<StreamEvent, void, undefined> {
    yield* this.#take(`${this.#decoder.decode()}\n`);
  }

  *#take(text: string): Generator<StreamEvent, void, undefined> {
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    for (const end of lines) {
      const line = this.#pieces.join('') + end;
      this.#pieces = [];
      this.#length = 0;
      if (line.trim() !== '') yield parseStreamEvent({ data: line });
    }
    this.#pieces.push(rest);
    this.#length += rest.length;
    if (this.#length > maxLineLength) {
      throw new ProtocolError('event_too_large', `A line is longer than ${maxLineLength} characters`);
    }
  }
}
