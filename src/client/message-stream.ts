// What `messages.stream()` returns: one answer as events, text, promises and listeners, by the names of the
// official SDK. Loops and promises see the whole answer from its first event, whenever they begin: all events are
// kept for as long as the stream is. Listeners hear what comes after they were added.

import type { ContentBlock, DeepReadonly, KnownContentBlock, Message } from '../protocol/index.ts';
import type { PartialJson, TextCitation } from '../protocol/index.ts';
import type { ClientEvent, EventStream, StreamEnding } from './event-stream.ts';
import { Listeners } from './listeners.ts';
import { throwUnlessComplete } from './message-events.ts';

/** The listeners, and what each is called with. Snapshots are live, read-only views. */
export interface MessageStreamListeners {
  connect: () => void;
  streamEvent: (event: ClientEvent, snapshot: DeepReadonly<Message>) => void;
  ping: () => void;
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
  readonly #connected: Promise<EventStream | undefined>;
  readonly #listeners = new Listeners<MessageStreamListeners>();
  /** Every event so far. */
  readonly #events: ClientEvent[] = [];
  #stream: EventStream | undefined;
  #ending: StreamEnding | undefined;
  /** The read that is under way, shared by all who wait for the next event. */
  #reading: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** The loops that are under way. */
  #loops = 0;

  /** Takes the stream that is being opened. */
  constructor(opening: Promise<EventStream>, controller: AbortController) {
    this.#controller = controller;
    this.#connected = opening.then(
      (stream) => {
        this.#stream = stream;
        this.#listeners.emit('connect');
        return stream;
      },
      (error: unknown) => {
        const type = controller.signal.aborted ? 'aborted' : 'failed';
        // What the opening rejects with is one of the errors of a failed ending, or the reason of an abort.
        this.#end({ type, error, message: undefined } as StreamEnding);
        return undefined;
      },
    );
  }

  /** What has arrived so far: a live, read-only view; undefined before `message_start`. */
  get currentMessage(): DeepReadonly<Message> | undefined {
    return this.#stream?.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#ending;
  }

  /** The text and state of a tool block's input: whether it is complete, and what is wrong with it. */
  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#stream?.inputOf(block);
  }

  /** The server's name for the request; undefined until its headers are there. */
  get request_id(): string | undefined {
    return this.#stream?.requestId;
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
    throwUnlessComplete(this.#ending);
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
        } else if (this.#ending === undefined) {
          await this.#readOn();
        } else {
          break;
        }
      }
    } finally {
      this.#loops -= 1;
      // Left early, and nobody else wants the rest.
      const isUnread = this.#loops === 0 && this.#running === undefined;
      if (isUnread && this.#ending === undefined)
        this.abort(new DOMException('The loop was left', 'AbortError'));
    }
    throwUnlessComplete(this.#ending);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending === undefined) this.abort(new DOMException('The stream was disposed of', 'AbortError'));
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
      while (this.#ending === undefined) await this.#readOn();
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
    const stream = await this.#connected;
    if (stream === undefined) return;
    for (const event of await stream.readChunk()) {
      this.#events.push(event);
      this.#announce(event, stream);
    }
    if (stream.ending !== undefined) this.#end(stream.ending);
  }

  #announce(event: ClientEvent, stream: EventStream): void {
    const { message } = stream;
    if (event.type === 'ping') this.#listeners.emit('ping');
    if (message === undefined) return;
    this.#listeners.emit('streamEvent', event, message);
    if (event.type === 'content_block_delta') this.#announceDelta(event, stream);
    if (event.type === 'content_block_stop') this.#announceBlock(event.index, stream);
    if (event.type === 'message_stop') this.#listeners.emit('message', message);
  }

  #announceDelta(
    { index, delta }: Extract<ClientEvent, { type: 'content_block_delta' }>,
    stream: EventStream,
  ): void {
    const block = stream.blockAt(index) as DeepReadonly<KnownContentBlock> | undefined;
    if (block === undefined) return;
    if (delta.type === 'text_delta' && block.type === 'text')
      this.#listeners.emit('text', delta.text, block.text);
    if (delta.type === 'thinking_delta' && block.type === 'thinking') {
      this.#listeners.emit('thinking', delta.thinking, block.thinking);
    }
    if (delta.type === 'signature_delta') this.#listeners.emit('signature', delta.signature);
    if (delta.type === 'input_json_delta' && 'input' in block) {
      this.#listeners.emit('inputJson', delta.partial_json, block.input, stream.inputOf(block));
    }
    if (delta.type === 'citations_delta' && block.type === 'text') {
      this.#listeners.emit('citation', delta.citation, block.citations ?? []);
    }
  }

  #announceBlock(index: number, stream: EventStream): void {
    const block = stream.blockAt(index);
    if (block !== undefined) this.#listeners.emit('contentBlock', block);
  }

  #end(ending: StreamEnding): void {
    this.#ending = ending;
    if (ending.type === 'complete') this.#listeners.emit('finalMessage', ending.message);
    else if (ending.type === 'aborted') this.#listeners.emit('abort', ending.error);
    else this.#listeners.emit('error', ending.error);
    this.#listeners.emit('end');
  }
}
