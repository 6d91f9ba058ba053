// What `messages.stream()` returns: one answer as events, text, promises and listeners, by the names of the
// official SDK. Loops and promises see the whole answer from its first event, whenever they begin: all events are
// kept for as long as the stream is. Listeners hear what comes after they were added.

import type { ContentBlock, DeepReadonly, KnownContentBlock, Message } from '../protocol/index.ts';
import type { PartialJson, TextCitation, Usage } from '../protocol/index.ts';
import type { Answer, ClientEvent, RecoverEvent, StreamEnding } from './answer.ts';
import type { RetryEvent } from './answer-attempts.ts';
import { Listeners } from './listeners.ts';
import { throwUnlessComplete } from './message-events.ts';
import type { AttemptRecord } from './usage-record.ts';

/** The listeners, and what each is called with. Snapshots are live, read-only views. */
export interface MessageStreamListeners {
  connect: () => void;
  streamEvent: (event: ClientEvent, snapshot: DeepReadonly<Message>) => void;
  ping: () => void;
  /** Another attempt is about to be made. */
  retry: (event: RetryEvent) => void;
  /** The answer broke off and is gone on with; blocks from `from_index` on are no more. */
  recover: (event: RecoverEvent) => void;
  text: (delta: string, snapshot: string) => void;
  thinking: (delta: string, snapshot: string) => void;
  /** `input` has the raw text, whether it is complete, and what is wrong with it. */
  inputJson: (delta: string, snapshot: unknown, input: PartialJson | undefined) => void;
  citation: (citation: TextCitation, snapshot: readonly DeepReadonly<TextCitation>[]) => void;
  signature: (signature: string) => void;
  contentBlock: (block: DeepReadonly<Message>['content'][number]) => void;
  message: (message: DeepReadonly<Message>) => void;
  finalMessage: (message: DeepReadonly<Message>) => void;
  error: (error: unknown) => void;
  abort: (reason: unknown) => void;
  end: () => void;
}

/**
 * One streamed answer.
 *
 * The request is sent at once. The answer is read as fast as somebody asks for it: listeners and promises read on
 * by themselves, a loop reads when it asks for the next event. Leaving the only loop aborts the answer, which would
 * be paid for otherwise. A failure reaches whoever reads; when nobody does, nothing is thrown.
 */
export class MessageStream implements AsyncIterable<ClientEvent>, AsyncDisposable {
  readonly #controller: AbortController;
  readonly #answer: Answer;
  /** True when there is something to read. */
  readonly #connected: Promise<boolean>;
  readonly #listeners = new Listeners<MessageStreamListeners>();
  /** Every event so far. */
  readonly #events: ClientEvent[] = [];
  /** The read that is under way, shared by all who wait for the next event. */
  #reading: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** The loops that are under way. */
  #loops = 0;

  /** Sends the request. */
  constructor(createAnswer: (onRetry: (event: RetryEvent) => void) => Answer, controller: AbortController) {
    this.#controller = controller;
    this.#answer = createAnswer((event) => this.#listeners.emit('retry', event));
    this.#connected = this.#answer.open().then(
      () => {
        this.#listeners.emit('connect');
        return true;
      },
      () => {
        this.#tellEnding();
        return false;
      },
    );
  }

  /** What has arrived so far: a live, read-only view; undefined before `message_start`. */
  get currentMessage(): DeepReadonly<Message> | undefined {
    return this.#answer.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#answer.ending;
  }

  /** Whether somebody has stopped it, be it that the ending is still to come. */
  get aborted(): boolean {
    return this.#controller.signal.aborted;
  }

  /** The text and state of a tool block's input: whether it is complete, and what is wrong with it. */
  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#answer.inputOf(block);
  }

  /** The server's name for the request; undefined until its headers are there. */
  get request_id(): string | undefined {
    return this.#answer.requestId;
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
  get textStream(): AsyncIterable<string> {
    return this.#texts();
  }

  /** Calls `listener` for every event of this kind from now on, and begins to read. */
  on<Name extends keyof MessageStreamListeners>(name: Name, listener: MessageStreamListeners[Name]): this {
    this.#listeners.add(name, listener);
    void this.#run();
    return this;
  }

  off<Name extends keyof MessageStreamListeners>(name: Name, listener: MessageStreamListeners[Name]): this {
    this.#listeners.remove(name, listener);
    return this;
  }

  once<Name extends keyof MessageStreamListeners>(name: Name, listener: MessageStreamListeners[Name]): this {
    this.#listeners.add(name, listener, true);
    void this.#run();
    return this;
  }

  /** Resolves when the answer is complete; rejects at every other ending, with what had arrived in the error. */
  async done(): Promise<void> {
    await this.#run();
    throwUnlessComplete(this.ending);
  }

  /** The whole message; rejects as `done` does. */
  async finalMessage(): Promise<Message> {
    await this.done();
    // Complete, so that there is a message, and nothing changes it any more.
    return this.currentMessage as Message;
  }

  /** The text of the whole message, all text blocks together; rejects as `done` does. */
  async finalText(): Promise<string> {
    const { content } = await this.finalMessage();
    return content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  }

  /** Stops the answer and closes the connection. What had arrived stays in `currentMessage`. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
    // Somebody has to see the socket close, whether or not anybody reads.
    void this.#run();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ClientEvent, void, undefined> {
    this.#loops += 1;
    try {
      let position = 0;
      for (;;) {
        const event = this.#events[position];
        if (event !== undefined) {
          position += 1;
          yield event;
        } else if (this.ending === undefined) {
          await this.#readOn();
        } else {
          break;
        }
      }
    } finally {
      this.#loops -= 1;
      // Left early, and nobody else wants the rest.
      const isUnread = this.#loops === 0 && this.#running === undefined;
      if (isUnread && this.ending === undefined)
        this.abort(new DOMException('The loop was left', 'AbortError'));
    }
    throwUnlessComplete(this.ending);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ending === undefined) this.abort(new DOMException('The stream was disposed of', 'AbortError'));
    await this.#run();
  }

  async *#texts(): AsyncGenerator<string, void, undefined> {
    for await (const event of this) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text;
    }
  }

  /** Reads to the end, at the stream's own pace. Never rejects. */
  #run(): Promise<void> {
    this.#running ??= (async () => {
      while (this.ending === undefined) await this.#readOn();
    })();
    return this.#running;
  }

  /** Reads the next chunk. Never rejects. */
  #readOn(): Promise<void> {
    this.#reading ??= this.#readChunk().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readChunk(): Promise<void> {
    if (!(await this.#connected)) return;
    for (const event of await this.#answer.readChunk()) {
      this.#events.push(event);
      this.#announce(event);
    }
    if (this.ending !== undefined) this.#tellEnding();
  }

  #announce(event: ClientEvent): void {
    const { message } = this.#answer;
    if (event.type === 'ping') this.#listeners.emit('ping');
    if (isRecover(event)) this.#listeners.emit('recover', event);
    if (message === undefined) return;
    this.#listeners.emit('streamEvent', event, message);
    if (event.type === 'content_block_delta') this.#announceDelta(event);
    if (event.type === 'content_block_stop') this.#announceBlock(event.index);
    if (event.type === 'message_stop') this.#listeners.emit('message', message);
  }

  #announceDelta({ index, delta }: Extract<ClientEvent, { type: 'content_block_delta' }>): void {
    const block = this.#answer.blockAt(index) as DeepReadonly<KnownContentBlock> | undefined;
    if (block === undefined) return;
    if (delta.type === 'text_delta' && block.type === 'text')
      this.#listeners.emit('text', delta.text, block.text);
    if (delta.type === 'thinking_delta' && block.type === 'thinking') {
      this.#listeners.emit('thinking', delta.thinking, block.thinking);
    }
    if (delta.type === 'signature_delta') this.#listeners.emit('signature', delta.signature);
    if (delta.type === 'input_json_delta' && 'input' in block) {
      this.#listeners.emit('inputJson', delta.partial_json, block.input, this.#answer.inputOf(block));
    }
    if (delta.type === 'citations_delta' && block.type === 'text') {
      this.#listeners.emit('citation', delta.citation, block.citations ?? []);
    }
  }

  #announceBlock(index: number): void {
    const block = this.#answer.blockAt(index);
    if (block !== undefined) this.#listeners.emit('contentBlock', block);
  }

  #tellEnding(): void {
    const { ending } = this;
    if (ending === undefined) return;
    if (ending.type === 'complete') this.#listeners.emit('finalMessage', ending.message);
    else if (ending.type === 'aborted') this.#listeners.emit('abort', ending.error);
    else this.#listeners.emit('error', ending.error);
    this.#listeners.emit('end');
  }
}

function isRecover(event: ClientEvent): event is RecoverEvent {
  return event.type === 'recover';
}
