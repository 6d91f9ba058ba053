// What `messages.create({stream: true})` resolves with: the events, once, as they are asked for.

import type { ContentBlock, DeepReadonly, Message, PartialJson } from '../protocol/index.ts';
import type { ClientEvent, EventStream, StreamEnding } from './event-stream.ts';

/**
 * The events of one answer, for a single `for await`.
 *
 * Iteration ends after `message_stop` and throws at every other ending: TruncatedError, ConnectionError, ApiError,
 * ProtocolError, each with what had arrived as `partial`, or ResponseError; and the abort's own reason after an
 * abort. Leaving the loop early closes the connection. Nothing is read ahead of the loop but one network chunk.
 */
export class MessageEvents implements AsyncIterable<ClientEvent>, AsyncDisposable {
  readonly #stream: EventStream;
  readonly #controller: AbortController;
  #isTaken = false;

  constructor(stream: EventStream, controller: AbortController) {
    this.#stream = stream;
    this.#controller = controller;
  }

  /** What has arrived so far: a live, read-only view. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#stream.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#stream.ending;
  }

  /** The text and state of a tool block's input: whether it is complete, and what is wrong with it. */
  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#stream.inputOf(block);
  }

  /** The server's name for the request. */
  get request_id(): string | undefined {
    return this.#stream.requestId;
  }

  /** Stops reading and closes the connection; a running loop throws `reason`. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ClientEvent, void, undefined> {
    if (this.#isTaken) throw new TypeError('The events of create() can be read once: use messages.stream()');
    this.#isTaken = true;
    try {
      while (this.#stream.ending === undefined) yield* await this.#stream.readChunk();
    } finally {
      await this.#stream.cancel(new DOMException('The loop over the events was left', 'AbortError'));
    }
    throwUnlessComplete(this.#stream.ending);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream.cancel(new DOMException('The stream was disposed of', 'AbortError'));
  }
}

export function throwUnlessComplete(ending: StreamEnding | undefined): void {
  if (ending !== undefined && ending.type !== 'complete') throw ending.error;
}
