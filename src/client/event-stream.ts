// One streamed response, read as it is asked for: the base that both `create` and `stream` stand on.

import { ApiError, MessageAccumulator, ProtocolError, StreamEventDecoder } from '../protocol/index.ts';
import type { ContentBlock, DeepReadonly, DoneEvent, ErrorEvent } from '../protocol/index.ts';
import type { Message, PartialJson, StreamEvent } from '../protocol/index.ts';
import { unexpected } from './api-connection.ts';
import { ConnectionError, ResponseError, TruncatedError } from './errors.ts';
import type { ConfigurationError } from './errors.ts';
import { releaseBody } from './transport.ts';
import type { TransportResponse } from './transport.ts';

/** An event as the client yields it: an error event is thrown, and a gateway's `[DONE]` means nothing. */
export type ClientEvent = Exclude<StreamEvent, DoneEvent | ErrorEvent>;

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
      readonly error: ApiError | ProtocolError | ConnectionError | ResponseError | ConfigurationError;
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
  readonly #onEnd: () => void;
  readonly #decoder = new StreamEventDecoder();
  readonly #accumulator = new MessageAccumulator();
  #ending: StreamEnding | undefined;
  /** The beginning of the body as text, kept until the first event proves it a stream. */
  #beginning = '';
  #hasEvents = false;

  /** `onEnd` is called once, when the stream has its ending. */
  constructor(response: TransportResponse, { signal, onEnd }: { signal: AbortSignal; onEnd: () => void }) {
    this.#response = response;
    this.#signal = signal;
    this.#onEnd = onEnd;
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

  /** The text and state of a tool block's input; undefined when none has arrived for `block`. */
  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#accumulator.inputOf(block);
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
    if (this.#ending !== undefined) return;
    this.#end({ type: 'aborted', error: reason, message: this.message });
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
      // An abort between two events of a chunk counts as one between two chunks.
      if (this.#signal.aborted) return void this.#fail(this.#signal.reason);
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
    const { message } = ending;
    if (ending.type === 'truncated') {
      this.#end({ type: 'truncated', error: new TruncatedError(message, this.requestId), message });
    } else {
      if (ending.type === 'failed' && ending.error instanceof ApiError)
        ending.error.requestId ??= this.requestId;
      this.#end(ending);
    }
    // Whatever the server still sends, nobody waits for it.
    void releaseBody(this.#response.body);
  }

  #end(ending: StreamEnding): void {
    this.#ending = ending;
    this.#onEnd();
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#ending !== undefined) return;
    const { message } = this;
    if (this.#signal.aborted) {
      this.#end({ type: 'aborted', error: this.#signal.reason, message });
    } else {
      const failure = isCoded(error) ? error : unexpected('body', error);
      if (!(failure instanceof ResponseError)) failure.partial = message;
      this.#end({ type: 'failed', error: failure, message });
    }
    await this.#response.body.cancel();
  }

  /** A 200 without a single event is no stream, whatever its content type says; and gateways mislabel those that are. */
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

function isCoded(error: unknown): error is ProtocolError | ConnectionError | ResponseError {
  return error instanceof ProtocolError || error instanceof ConnectionError || error instanceof ResponseError;
}
