// One answer for one loop: its events as they come, and what has become of it. No listeners, nothing kept for readers
// that come late: that is `MessageStream`.

import type { ContentBlock, DeepReadonly, Message, ToolInput, Usage } from '../protocol/index.ts';
import { Answer } from './answer.ts';
import type { ClientEvent } from './answer.ts';
import type { AnswerRequest } from './answer-attempts.ts';
import { onAbort } from './follow.ts';
import { isAborted, throwUnlessComplete } from './stream-ending.ts';
import type { StreamEnding } from './stream-ending.ts';
import type { AttemptRecord } from './usage-record.ts';
import { misuse } from './misuse.ts';

/**
 * One streamed answer. Made by `AnswerClient.stream()`.
 *
 * The request is sent at once; after that nothing is read ahead of the loop but one network chunk. The loop ends after
 * `message_stop` and throws at every other ending: TruncatedError, TimeoutError, ConnectionError, ApiError or
 * ProtocolError, each with what had arrived as `partial`, ResponseError, ConfigurationError, or the abort's own reason.
 * Leaving it closes the connection. Where nobody loops a failure is in `ending`, and is never an unhandled rejection.
 */
export class StreamedAnswer<Input extends ToolInput> implements AsyncIterable<ClientEvent>, AsyncDisposable {
  /** Ends the answer when it is aborted, as `abort()` does. */
  readonly controller: AbortController;
  readonly #answer: Answer<Input>;
  readonly #opened: Promise<void>;
  #isRead = false;

  /** Sends the request. */
  constructor(request: AnswerRequest, createInput: () => Input) {
    this.controller = request.controller;
    this.#answer = new Answer(request, { createInput });
    // Its failure is the answer's ending.
    this.#opened = this.#answer.open().catch(() => undefined);
    onAbort(this.controller.signal, () => void this.#settle());
  }

  /** What has arrived so far: a live, read-only view; undefined before `message_start`. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#answer.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#answer.ending;
  }

  /** Every request made for the answer, with what each took. */
  get attempts(): readonly AttemptRecord[] {
    return this.#answer.attempts;
  }

  /** What all attempts took together, so far. */
  get usage(): DeepReadonly<Usage> | undefined {
    return this.#answer.usage;
  }

  /** The server's name for the request, of the latest attempt. */
  get request_id(): string | undefined {
    return this.#answer.requestId;
  }

  /** The text and state of a tool block's input. */
  inputOf(block: DeepReadonly<ContentBlock>): Input | undefined {
    return this.#answer.inputOf(block);
  }

  /** The pieces of text, as the one loop; ends and throws as that does. */
  get textStream(): AsyncGenerator<string, void, undefined> {
    return this.#leavable(this.#readText());
  }

  /** Stops the answer and closes the connection; a running loop throws `reason`. */
  abort(reason?: unknown): void {
    this.controller.abort(reason);
  }

  /** The one loop there may be. Throws a TypeError for a second. */
  [Symbol.asyncIterator](): AsyncGenerator<ClientEvent, void, undefined> {
    if (this.#isRead) throw misuse(new TypeError('An answer can be read once'));
    this.#isRead = true;
    return this.#leavable(this.#read());
  }

  /** Aborts the answer, unless it has its ending. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }

  async *#read(): AsyncGenerator<ClientEvent, void, undefined> {
    try {
      await this.#opened;
      while (this.ending === undefined) {
        const events = await this.#answer.readChunk();
        for (let event = events.shift(); event !== undefined; event = events.shift()) yield event;
      }
    } finally {
      await this.#leave();
    }
    throwUnlessComplete(this.ending);
  }

  async *#readText(): AsyncGenerator<string, void, undefined> {
    for await (const { type, delta } of this as AsyncIterable<{ type: string; delta?: { text?: string } }>)
      if (type === 'content_block_delta' && delta?.text !== undefined) yield delta.text;
  }

  /** A generator does not hear of being left before its beginning, nor while it waits. */
  #leavable<Item>(items: AsyncGenerator<Item, void, undefined>): typeof items {
    const stop = items.return.bind(items);
    const leave: typeof stop = async (value) => {
      await this.#leave();
      return stop(value);
    };
    return Object.assign(items, { return: leave });
  }

  async #leave(): Promise<void> {
    if (this.ending === undefined) this.abort(new DOMException('The answer was left', 'AbortError'));
    await this.#settle();
  }

  /** After an abort, whether or not anybody reads. A limit of time is none: who reads is told of that. */
  async #settle(): Promise<void> {
    // All who listen to the signal have to hear of it first.
    await this.#opened;
    const { signal } = this.controller;
    if (isAborted(signal)) await this.#answer.cancel(signal.reason);
  }
}
