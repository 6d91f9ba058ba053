// What `messages.create({stream: true})` resolves with: the events, once, as they are asked for.

import type { ContentBlock, DeepReadonly, Message, PartialJson, Usage } from '../protocol/index.ts';
import type { Answer, ClientEvent, StreamEnding } from './answer.ts';
import type { AttemptRecord } from './usage-record.ts';

/**
 * The events of one answer, for a single `for await`.
 *
 * Iteration ends after `message_stop` and throws at every other ending: TruncatedError, TimeoutError,
 * ConnectionError, ApiError, ProtocolError, each with what had arrived as `partial`, or ResponseError; and the abort's own reason after an
 * abort. Leaving the loop early closes the connection. Nothing is read ahead of the loop but one network chunk.
 */
export class MessageEvents implements AsyncIterable<ClientEvent>, AsyncDisposable {
  readonly #answer: Answer;
  readonly #controller: AbortController;
  #isTaken = false;

  constructor(answer: Answer, controller: AbortController) {
    this.#answer = answer;
    this.#controller = controller;
  }

  /** What has arrived so far: a live, read-only view. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#answer.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#answer.ending;
  }

  /** The text and state of a tool block's input: whether it is complete, and what is wrong with it. */
  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#answer.inputOf(block);
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

  /** Stops reading and closes the connection; a running loop throws `reason`. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ClientEvent, void, undefined> {
    if (this.#isTaken) throw new TypeError('The events of create() can be read once: use messages.stream()');
    this.#isTaken = true;
    try {
      while (this.#answer.ending === undefined) yield* await this.#answer.readChunk();
    } finally {
      await this.#answer.cancel(new DOMException('The loop over the events was left', 'AbortError'));
    }
    throwUnlessComplete(this.#answer.ending);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#answer.cancel(new DOMException('The stream was disposed of', 'AbortError'));
  }
}

export function throwUnlessComplete(ending: StreamEnding | undefined): void {
  if (ending !== undefined && ending.type !== 'complete') throw ending.error;
}
