// One streamed response, read as it is asked for: the base that both `create` and `stream` stand on.

import { MessageAccumulator, ProtocolError, StreamEventDecoder } from '../protocol/index.ts';
import type {
  ApiError,
  ContentBlock,
  DeepReadonly,
  DoneEvent,
  Message,
  StreamEvent,
} from '../protocol/index.ts';
import { readText } from './api-connection.ts';
import { ConnectionError, ResponseError, TruncatedError } from './errors.ts';
import type { TransportResponse } from './transport.ts';

/** An event as the client yields it: a gateway's `[DONE]` means nothing and is left out. */
export type ClientEvent = Exclude<StreamEvent, DoneEvent>;

/** How a stream ended. All but `complete` carry the error that says why, and the error carries what had arrived. */
export type StreamEnding =
  | { readonly type: 'complete'; readonly message: DeepReadonly<Message> }
  | {
      readonly type: 'truncated';
      readonly error: TruncatedError;
      readonly message: DeepReadonly<Message> | undefined;
    }
  | { readonly type: 'aborted'; readonly error: unknown; readonly message: DeepReadonly<Message> | undefined }
  | {
      readonly type: 'failed';
      readonly error: ApiError | ProtocolError | ConnectionError | ResponseError;
      readonly message: DeepReadonly<Message> | undefined;
    };

/**
 * Reads events from a response, chunk by chunk, each chunk only when it is asked for. Finished at `message_stop`:
 * what the server does with the connection after that does not matter.
 */
export class EventStream {
  readonly requestId: string | undefined;
  readonly #response: TransportResponse;
  readonly #signal: AbortSignal;
  readonly #decoder = new StreamEventDecoder();
  readonly #accumulator = new MessageAccumulator();
  #ending: StreamEnding | undefined;
  /** The beginning of the body as text, kept until the first event proves it a stream. */
  #beginning = '';
  #hasEvents = false;

  constructor(response: TransportResponse, signal: AbortSignal) {
    this.#response = response;
    this.#signal = signal;
    this.requestId = response.headers.get('request-id') ?? undefined;
  }

  /** What has arrived so far: a live, read-only view. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#accumulator.message;
  }

  /** How the stream ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#ending;
  }

  /** The block that `index` of the wire stands for now. */
  blockAt(index: number): DeepReadonly<ContentBlock> | undefined {
    return this.#accumulator.blockAt(index);
  }

  /**
   * The events of the next chunk, perhaps none. Each is accumulated when it is taken, so that `message` is never
   * ahead of it; all must be taken before the next chunk is asked for. `ending` says when there are no more.
   * Never rejects, and taking throws nothing.
   */
  async readChunk(): Promise<Iterable<ClientEvent>> {
    if (this.#ending !== undefined) return [];
    try {
      if (!this.#hasEvents) await this.#checkContentType();
      const chunk = await this.#response.body.read();
      this.#signal.throwIfAborted();
      return this.#accumulate(this.#decode(chunk), chunk === undefined);
    } catch (error) {
      await this.#fail(error);
      return [];
    }
  }

  /** Ends the transfer; the stream ends `aborted` unless it had ended before. */
  async cancel(reason: unknown): Promise<void> {
    this.#ending ??= { type: 'aborted', error: reason, message: this.message };
    await this.#response.body.cancel();
  }

  #decode(chunk: Uint8Array | undefined): readonly StreamEvent[] {
    if (!this.#hasEvents && chunk !== undefined && this.#beginning.length < 500) {
      this.#beginning += new TextDecoder().decode(chunk.subarray(0, 500));
    }
    const events = chunk === undefined ? this.#decoder.end() : this.#decoder.push(chunk);
    this.#hasEvents ||= events.length > 0;
    if (chunk === undefined && !this.#hasEvents) throw this.#notAStream();
    return events;
  }

  *#accumulate(events: readonly StreamEvent[], isLast: boolean): Generator<ClientEvent, void, undefined> {
    for (const event of events) {
      this.#accumulator.push(event);
      this.#settle();
      // An error is thrown at the end and not yielded, as the official SDK does.
      if (event.type !== '[DONE]' && event.type !== 'error') yield event;
      if (this.#ending !== undefined) return;
    }
    if (this.#decoder.error !== undefined) this.#accumulator.fail(this.#decoder.error);
    else if (isLast) this.#accumulator.end();
    this.#settle();
  }

  /** Takes over the accumulator's ending, if there is one. */
  #settle(): void {
    const ending = this.#accumulator.ending;
    if (ending === undefined || this.#ending !== undefined) return;
    const error =
      ending.type === 'truncated' ? new TruncatedError(ending.message, this.requestId) : undefined;
    this.#ending =
      error === undefined ? (ending as StreamEnding) : { type: 'truncated', error, message: error.partial };
    // Whatever the server still sends, nobody waits for it.
    void this.#response.body.cancel();
  }

  async #fail(error: unknown): Promise<void> {
    const { message } = this;
    if (error instanceof ProtocolError || error instanceof ConnectionError) error.partial = message;
    this.#ending ??= this.#signal.aborted
      ? { type: 'aborted', error: this.#signal.reason, message }
      : { type: 'failed', error: error as ConnectionError, message };
    await this.#response.body.cancel();
  }

  /** A 200 with JSON or HTML is no stream; with any other type the bytes decide, since gateways mislabel them. */
  async #checkContentType(): Promise<void> {
    const { headers, body } = this.#response;
    if (!/^(application\/json|text\/html)\b/i.test(headers.get('content-type') ?? '')) return;
    this.#beginning = await readText(body, 2000);
    throw this.#notAStream();
  }

  #notAStream(): ResponseError {
    const { status, headers } = this.#response;
    return new ResponseError('not_an_event_stream', {
      status,
      contentType: headers.get('content-type') ?? undefined,
      excerpt: this.#beginning.slice(0, 500),
      requestId: this.requestId,
    });
  }
}
