// What `messages.create({stream: true})` resolves with: the events, once, as they are asked for.

import { StreamEventDecoder } from '../protocol/index.ts';
import type { ContentBlock, DeepReadonly, Message, PartialJson, Usage } from '../protocol/index.ts';
import type { ClientEvent } from './answer.ts';
import type { StreamEnding } from './stream-ending.ts';
import type { AnswerSource } from './answer-source.ts';
import { EventFeed } from './event-feed.ts';
import { EventReader } from './event-reader.ts';
import { LineDecoder, toLines } from './message-lines.ts';
import type { ReadableStreamOptions } from './message-lines.ts';
import { defaultMaxKeptBytes } from './message-stream.ts';
import { PipedAnswer } from './piped-answer.ts';
import type { EventDecoder } from './piped-answer.ts';
import { readableOf, responseOf } from './response-of.ts';
import type { AttemptRecord } from './usage-record.ts';
import { misuse } from './misuse.ts';

/** What the events of an answer are read from, by one `MessageEvents` or, after `tee`, by several. */
interface Shared {
  readonly answer: AnswerSource;
  readonly feed: EventFeed;
  readonly controller: AbortController;
  readonly maxKeptBytes: number;
  /** Who may still read. When nobody is left, the transfer ends. */
  owners: number;
}

/**
 * The events of one answer, for a single `for await`.
 *
 * Iteration ends after `message_stop` and throws at every other ending: TruncatedError, TimeoutError,
 * ConnectionError, ApiError, ProtocolError, each with what had arrived as `partial`, or ResponseError; and the abort's
 * own reason after an abort. Leaving the loop early closes the connection. Nothing is read ahead of the loop but one
 * network chunk.
 */
export class MessageEvents implements AsyncIterable<ClientEvent>, AsyncDisposable {
  /** Ends the answer when it is aborted, as `abort()` does. */
  readonly controller: AbortController;
  readonly #shared: Shared;
  #isTaken = false;
  #isLeft = false;

  private constructor(shared: Shared) {
    this.#shared = shared;
    this.controller = shared.controller;
  }

  /** The events of an answer that is open. `maxKeptBytes` is how far the readers of `tee` may be apart. */
  static fromAnswer(
    answer: AnswerSource,
    controller: AbortController,
    maxKeptBytes: number = defaultMaxKeptBytes,
  ): MessageEvents {
    const feed = new EventFeed(answer, { opened: Promise.resolve(true), maxKeptBytes: 0 });
    // Somebody has to see the socket close, whether or not anybody reads.
    controller.signal.addEventListener('abort', () => void feed.run(), { once: true });
    return new MessageEvents({ answer, feed, controller, maxKeptBytes, owners: 1 });
  }

  /** The events that another program wrote with `toReadableStream()`, of this client or of the official SDK. */
  static fromReadableStream(
    readable: ReadableStream,
    controller: AbortController = new AbortController(),
  ): MessageEvents {
    return MessageEvents.#fromBytes(readable, { decoder: new LineDecoder(), controller });
  }

  /** The events of a response that came in another way. Throws a TypeError when its body has been read. */
  static fromSSEResponse(
    response: Response,
    controller: AbortController = new AbortController(),
  ): MessageEvents {
    const body = response.body ?? new Blob().stream();
    const requestId = response.headers.get('request-id') ?? undefined;
    return MessageEvents.#fromBytes(body, { decoder: new StreamEventDecoder(), controller, requestId });
  }

  static #fromBytes(
    readable: ReadableStream<Uint8Array>,
    options: { decoder: EventDecoder; controller: AbortController; requestId?: string | undefined },
  ): MessageEvents {
    const { controller } = options;
    const answer = new PipedAnswer(readable, { ...options, signal: controller.signal });
    return MessageEvents.fromAnswer(answer, controller);
  }

  /** What has arrived so far: a live, read-only view. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#shared.answer.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#shared.answer.ending;
  }

  /** Resolves when the answer has its ending, whatever it is. Does not read: somebody else has to. */
  get closed(): Promise<void> {
    return this.#shared.feed.closed;
  }

  /** The text and state of a tool block's input: whether it is complete, and what is wrong with it. */
  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#shared.answer.inputOf(block);
  }

  /** Every request made for the answer, with what each took. */
  get attempts(): readonly AttemptRecord[] {
    return this.#shared.answer.attempts;
  }

  /** What all attempts took together, so far. */
  get usage(): DeepReadonly<Usage> | undefined {
    return this.#shared.answer.usage;
  }

  /** The server's name for the request, of the latest attempt. */
  get request_id(): string | undefined {
    return this.#shared.answer.requestId;
  }

  /** Stops reading and closes the connection; a running loop throws `reason`. */
  abort(reason?: unknown): void {
    this.controller.abort(reason);
  }

  /**
   * Two readers of the same events, in place of this one. Each reads at its own pace; one that falls behind the other
   * by more than `maxKeptBytes` fails with ReaderError `events_dropped`, and the other goes on. The connection is
   * closed when both have left.
   */
  tee(): [MessageEvents, MessageEvents] {
    this.#takeOnce();
    this.#shared.feed.kept.maxBytes = this.#shared.maxKeptBytes;
    this.#shared.owners += 1;
    return [new MessageEvents(this.#shared), new MessageEvents(this.#shared)];
  }

  /** The events as lines of JSON: for `fromReadableStream` of this client or of the official SDK. Cancelling it is
   * leaving the loop. */
  toReadableStream(options?: ReadableStreamOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    return toLines(this[Symbol.asyncIterator](), options);
  }

  /** The response with its bytes as they come, in place of the events. Throws a TypeError when they were read. */
  takeResponse(): Response {
    this.#takeOnce();
    const { response } = this.#shared.answer;
    if (response === undefined)
      throw misuse(new TypeError('An answer that was not read from the API has no response'));
    const onEnd = (): void => void this.#leave('The response was read as it came');
    return responseOf(response, readableOf(response, onEnd));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ClientEvent, undefined> & AsyncDisposable {
    this.#takeOnce();
    return new EventReader(this.#shared.feed, {
      pick: (event) => event,
      onLeave: () => this.#leave('The loop over the events was left'),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave('The stream was disposed of');
  }

  #takeOnce(): void {
    if (this.#isTaken) {
      throw misuse(new TypeError('The events of create() can be read once: use tee(), or messages.stream()'));
    }
    this.#isTaken = true;
  }

  async #leave(why: string): Promise<void> {
    if (this.#isLeft) return;
    this.#isLeft = true;
    const { controller, feed } = this.#shared;
    this.#shared.owners -= 1;
    if (this.#shared.owners > 0 || this.ending !== undefined) return;
    const reason = new DOMException(why, 'AbortError');
    controller.abort(reason);
    await feed.cancel(reason);
  }
}
