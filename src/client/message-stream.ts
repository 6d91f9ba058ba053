// What `messages.stream()` returns: one answer as events, text, promises and listeners, by the names of the official
// SDK. Loops and promises see the whole answer from its first event, whenever they begin, as far as events are kept
// (`maxKeptBytes`). Listeners hear what comes after they were added, and what comes once even if it has come.

import type { ContentBlock, DeepReadonly, Message, PartialJson, Usage } from '../protocol/index.ts';
import type { ClientEvent } from './answer.ts';
import { throwUnlessComplete } from './stream-ending.ts';
import type { StreamEnding } from './stream-ending.ts';
import type { RetryEvent } from './answer-attempts.ts';
import type { AnswerSource } from './answer-source.ts';
import { describeResponse } from './api-promise.ts';
import type { WithResponse } from './api-promise.ts';
import { EventFeed } from './event-feed.ts';
import { EventReader } from './event-reader.ts';
import { Listeners } from './listeners.ts';
import { LineDecoder, toLines } from './message-lines.ts';
import type { ReadableStreamOptions } from './message-lines.ts';
import type { MessageParam, MessageParams, RequestOptions } from './message-params.ts';
import { announce } from './message-stream-listeners.ts';
import type { MessageStreamListeners } from './message-stream-listeners.ts';
import { PipedAnswer } from './piped-answer.ts';
import { quiet } from './quiet.ts';
import { ReaderError } from './reader-error.ts';
import { reportFailure } from './report-failure.ts';
import type { FailureLogger } from './report-failure.ts';
import type { AttemptRecord } from './usage-record.ts';
import { misuse } from './misuse.ts';

/** How many bytes of events a stream keeps for late readers: about 16 million characters of text. */
export const defaultMaxKeptBytes: number = 32 * 1024 * 1024;

/** Listeners that tell of the connection: to hear of it is not to ask for the answer. */
const ofConnection: ReadonlySet<string> = new Set(['connect', 'retry', 'recover', 'listenerError']);

/** What a promise of one of the listeners' events resolves with: its value, or all of them. */
export type Emitted<Name extends keyof MessageStreamListeners> =
  Parameters<MessageStreamListeners[Name]> extends []
    ? void
    : Parameters<MessageStreamListeners[Name]> extends [infer Value]
      ? Value
      : Parameters<MessageStreamListeners[Name]>;

export interface MessageStreamOptions {
  readonly controller: AbortController;
  /** The messages that the answer answers. */
  readonly messages?: readonly MessageParam[] | undefined;
  readonly maxKeptBytes?: number | undefined;
  readonly logger?: FailureLogger | undefined;
}

/**
 * One streamed answer. Made by `messages.stream()` and `MessageStream.fromReadableStream()`.
 *
 * The request is sent at once. The answer is read as fast as somebody asks for it: listeners and promises read on
 * by themselves, a loop reads when it asks for the next event. Leaving the only loop aborts the answer, which would
 * be paid for otherwise. A failure reaches whoever reads; when nobody does, nothing is thrown, and no promise of the
 * stream is ever an unhandled rejection.
 */
export class MessageStream implements AsyncIterable<ClientEvent>, AsyncDisposable {
  /** Ends the answer when it is aborted, as `abort()` does. */
  readonly controller: AbortController;
  /** The messages sent, and behind them the answer, when it is complete. */
  readonly messages: MessageParam[];
  /** The answer, when it is complete. */
  readonly receivedMessages: DeepReadonly<Message>[] = [];
  readonly #answer: AnswerSource;
  readonly #feed: EventFeed;
  /** Resolves with whether there is something to read. */
  readonly #connected: Promise<boolean>;
  readonly #listeners: Listeners<MessageStreamListeners>;
  #response: Response | undefined;
  /** The loops that are under way. */
  #loops = 0;

  /** Sends the request. */
  constructor(
    createAnswer: (onRetry: (event: RetryEvent) => void) => AnswerSource,
    { controller, messages = [], maxKeptBytes = defaultMaxKeptBytes, logger }: MessageStreamOptions,
  ) {
    this.controller = controller;
    this.messages = [...messages];
    this.#listeners = new Listeners((error, name) => {
      if (name === 'listenerError' || !this.#listeners.has('listenerError')) {
        reportFailure(logger, `A listener of "${name}"`, error);
      } else this.#listeners.emit('listenerError', error, name);
    });
    this.#answer = createAnswer((event) => this.#listeners.emit('retry', event));
    this.#connected = this.#answer.open().then(
      () => {
        this.#listeners.settle('connect');
        return true;
      },
      () => false,
    );
    this.#feed = new EventFeed(this.#answer, {
      opened: this.#connected,
      maxKeptBytes,
      onEvent: (event) => this.#tell(event),
      onEnd: () => this.#tellEnding(),
    });
    // Somebody has to see the socket close, whether or not anybody reads.
    controller.signal.addEventListener('abort', () => void this.#feed.run(), { once: true });
  }

  /**
   * The answer that another program wrote with `toReadableStream()`, of this client or of the official SDK. Errors
   * come through with their types. Throws a TypeError when somebody else reads the stream.
   */
  static fromReadableStream(
    readable: ReadableStream,
    options: Omit<MessageStreamOptions, 'controller' | 'messages'> = {},
  ): MessageStream {
    const controller = new AbortController();
    const piping = { decoder: new LineDecoder(), signal: controller.signal };
    return new MessageStream(() => new PipedAnswer(readable, piping), { ...options, controller });
  }

  /** The same as `messages.stream(params, options)`. */
  static createMessage(
    messages: { stream(params: MessageParams, options?: RequestOptions): MessageStream },
    params: MessageParams,
    options?: RequestOptions,
  ): MessageStream {
    return messages.stream(params, options);
  }

  /** What has arrived so far: a live, read-only view; undefined before `message_start`. */
  get currentMessage(): DeepReadonly<Message> | undefined {
    return this.#answer.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#answer.ending;
  }

  /** Resolves when the answer has its ending, whatever it is. Does not read: somebody else has to. */
  get closed(): Promise<void> {
    return this.#feed.closed;
  }

  /** Whether the answer has its ending. */
  get ended(): boolean {
    return this.ending !== undefined;
  }

  /** Whether it ended in any other way than complete, an abort included. */
  get errored(): boolean {
    return this.ended && this.ending?.type !== 'complete';
  }

  /** Whether somebody has stopped it, be it that the ending is still to come. */
  get aborted(): boolean {
    const { ending, controller } = this;
    return ending === undefined ? controller.signal.aborted : ending.type === 'aborted';
  }

  /** The text and state of a tool block's input: whether it is complete, and what is wrong with it. */
  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#answer.inputOf(block);
  }

  /** Status and headers of the response, without its body; undefined before they are there, and of a stream that was
   * not read from the API. */
  get response(): Response | undefined {
    const { response } = this.#answer;
    if (response !== undefined) this.#response ??= describeResponse(response).response;
    return this.#response;
  }

  /** The server's name for the request; undefined until its headers are there. */
  get request_id(): string | undefined {
    return this.#answer.requestId;
  }

  get workspace_id(): string | undefined {
    return this.response?.headers.get('anthropic-workspace-id') ?? undefined;
  }

  /** Every request made for the answer, with what each took. */
  get attempts(): readonly AttemptRecord[] {
    return this.#answer.attempts;
  }

  /** What all attempts took together, so far. */
  get usage(): DeepReadonly<Usage> | undefined {
    return this.#answer.usage;
  }

  /** The pieces of text, from the first on; ends and throws as the events do. */
  get textStream(): AsyncIterable<string> & AsyncIterableIterator<string, undefined> {
    return this.#read(textOf);
  }

  /** Calls `listener` for every event of this kind from now on, and begins to read, but for `connect`, `retry`,
   * `recover` and `listenerError`. */
  on<Name extends keyof MessageStreamListeners>(name: Name, listener: MessageStreamListeners[Name]): this {
    this.#listeners.add(name, listener);
    if (!ofConnection.has(name)) void this.#feed.run();
    return this;
  }

  off<Name extends keyof MessageStreamListeners>(name: Name, listener: MessageStreamListeners[Name]): this {
    this.#listeners.remove(name, listener);
    return this;
  }

  once<Name extends keyof MessageStreamListeners>(name: Name, listener: MessageStreamListeners[Name]): this {
    this.#listeners.add(name, listener, true);
    if (!ofConnection.has(name)) void this.#feed.run();
    return this;
  }

  /** What the next event of this kind has to say; of one that comes once, also if it has come. Reads the answer.
   * Rejects when the answer ends without it: with what it failed with, or ReaderError `not_emitted`. */
  emitted<Name extends keyof MessageStreamListeners>(name: Name): Promise<Emitted<Name>> {
    const emitted = new Promise<Emitted<Name>>((resolve, reject) => {
      const listener = (...values: unknown[]): void =>
        resolve((values.length > 1 ? values : values[0]) as Emitted<Name>);
      this.#listeners.add(name, listener, true);
      const refuse = (): void => {
        this.#listeners.remove(name, listener);
        const what = `The answer ended without "${name}"`;
        const { ending } = this;
        reject(ending?.type === 'complete' ? new ReaderError('not_emitted', what) : ending?.error);
      };
      void this.#feed.run().then(refuse);
    });
    return quiet(emitted);
  }

  /** Resolves when the answer is complete; rejects at every other ending, with what had arrived in the error. */
  done(): Promise<void> {
    return quiet(this.#feed.run().then(() => throwUnlessComplete(this.ending)));
  }

  /** The whole message; rejects as `done` does. */
  finalMessage(): Promise<Message> {
    // Complete, so that there is a message, and nothing changes it any more.
    return quiet(this.done().then(() => this.currentMessage as Message));
  }

  /** The text of the whole message, all text blocks together; rejects as `done` does. */
  finalText(): Promise<string> {
    const textOfMessage = ({ content }: Message): string =>
      content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    return quiet(this.finalMessage().then(textOfMessage));
  }

  /** This stream and the response, as soon as its headers are there. Rejects when none came, and for a stream that
   * was not read from the API. */
  withResponse(): Promise<WithResponse<MessageStream>> {
    const described = this.#connected.then(() => {
      throwUnlessComplete(this.#answer.response === undefined ? this.ending : undefined);
      const { response } = this.#answer;
      if (response === undefined)
        throw misuse(new TypeError('A stream that was not read from the API has no response'));
      return { data: this, ...describeResponse(response) };
    });
    return quiet(described);
  }

  /** Stops the answer and closes the connection. What had arrived stays in `currentMessage`. */
  abort(reason?: unknown): void {
    this.controller.abort(reason);
  }

  /** The events from the first on, as lines of JSON: for `fromReadableStream` of this client or of the official SDK.
   * Cancelling it is leaving a loop. */
  toReadableStream(options?: ReadableStreamOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    return toLines(this[Symbol.asyncIterator](), options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ClientEvent, undefined> & AsyncDisposable {
    return this.#read((event) => event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ending === undefined) this.abort(new DOMException('The stream was disposed of', 'AbortError'));
    await this.#feed.run();
  }

  #read<Item>(pick: (event: ClientEvent) => Item | undefined): EventReader<Item> {
    const onBegin = (): void => {
      this.#loops += 1;
    };
    const onLeave = (): void => {
      this.#loops -= 1;
      // Left early, and nobody else wants the rest.
      const isUnread = this.#loops === 0 && !this.#feed.isRunning;
      if (isUnread && this.ending === undefined) {
        this.abort(new DOMException('The loop was left', 'AbortError'));
      }
    };
    return new EventReader(this.#feed, { pick, onBegin, onLeave });
  }

  #tell(event: ClientEvent): void {
    const { message } = this.#answer;
    if (event.type === 'message_stop' && message !== undefined) {
      this.receivedMessages.push(message);
      this.messages.push({ role: 'assistant', content: message.content });
    }
    if (event.type === 'message_stop' || !this.#listeners.isEmpty) {
      announce(event, this.#answer, this.#listeners);
    }
  }

  #tellEnding(): void {
    const { ending } = this;
    if (ending?.type === 'complete') this.#listeners.settle('finalMessage', ending.message);
    else if (ending?.type === 'aborted') this.#listeners.settle('abort', ending.error);
    else if (ending !== undefined) this.#listeners.settle('error', ending.error);
    this.#listeners.settle('end');
  }
}

function textOf(event: ClientEvent): string | undefined {
  return event.type === 'content_block_delta' && event.delta.type === 'text_delta'
    ? (event.delta as { text: string }).text
    : undefined;
}
