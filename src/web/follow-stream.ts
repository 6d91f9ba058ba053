// Follows one stream of the relay to its ending, over as many connections as it takes. Framework-free; everything
// it needs from the browser comes as a FollowEnvironment. It knows events and their places, not what they mean.

import { ProtocolError, parseStreamEvent, SseDecoder } from '../protocol/index.ts';
import type { ApiError, ServerSentEvent, StreamEvent } from '../protocol/index.ts';
import { FollowError } from './errors.ts';
import { backoffMs } from './stream/backoff.ts';
import { Connection } from './stream/connection.ts';
import { eventSequence } from './stream/event-sequence.ts';
import type { FollowEnvironment } from './stream/follow-environment.ts';
import { relayRecord } from './stream/relay-record.ts';
import type { RelayRecord } from './stream/relay-record.ts';
import { responseError, retryAfter } from './stream/response-error.ts';

/**
 * What to follow: the answer to a request, or a stream that exists, from its beginning. The `key` makes a request
 * that is sent again the same one: the relay answers with the stream it has for it.
 */
export type StreamSource =
  | { readonly type: 'new'; readonly request: object; readonly key: string }
  | { readonly type: 'existing'; readonly id: string };

export type FollowState = 'connecting' | 'streaming' | 'reconnecting' | 'ended';

export interface StreamListener {
  onState(state: FollowState): void;
  /** The relay has named the stream: from here on it can be followed, and stopped, by this id. */
  onOpen(id: string): void;
  onEvent(event: StreamEvent): void;
  /** All events so far are void: the stream is read again from its beginning. */
  onRestart(): void;
}

/** `ended`: the last event was `message_stop` or `error`. `failed`: no more events can be had. */
export type FollowEnd =
  | { readonly type: 'ended' }
  | { readonly type: 'failed'; readonly error: ApiError | FollowError | ProtocolError };

export interface FollowOptions {
  readonly environment: FollowEnvironment;
  readonly signal: AbortSignal;
}

/**
 * Follows `source` until it ends.
 *
 * 1. Each event is delivered once and in order, however often the connection breaks: it goes on behind the last
 *    event it has, and drops what it has seen.
 * 2. The numbers of the events are dense from 1 on. One left out, or the relay's own word, means that the log was
 *    changed: the stream is read again from its beginning, after `onRestart`.
 * 3. A broken connection is made again after 0.25 s to 8 s, at once on a wake. It is given up after 20 attempts
 *    without a new event, or 5 when the relay has never answered at all.
 * 4. It has a connection only while it has a place for it. One that it loses it takes again, and goes on from where it
 *    was: that is no break, and no attempt.
 * 5. An abort rejects with the signal's own reason. Nothing else is thrown but what the listener throws.
 */
export function followStream(
  source: StreamSource,
  listener: StreamListener,
  options: FollowOptions,
): Promise<FollowEnd> {
  return new Follower(source, listener, options).follow();
}

/** With the backoff about two and a half minutes. */
const mostAttempts = 20;
/** About six seconds: somebody waits for a first sign. */
const mostFirstAttempts = 5;
const mostRestarts = 3;

type Broken = {
  readonly type: 'broken';
  readonly cause: unknown;
  readonly retryAfterMs?: number | undefined;
};
type Result = FollowEnd | Broken;

class Follower {
  readonly #source: StreamSource;
  readonly #listener: StreamListener;
  readonly #environment: FollowEnvironment;
  readonly #signal: AbortSignal;
  #state: FollowState | undefined;
  #connection: Connection | undefined;
  /** Ends the wait before the next attempt. */
  #endPause: (() => void) | undefined;

  #streamId: string | undefined;
  /** Where a reconnect goes on; undefined: from the beginning. */
  #lastEventId: string | undefined;
  #lastSequence = 0;
  #hasDelivered = false;
  /** The connection began at the beginning: its first event makes void what was delivered before. */
  #hasStaleEvents = false;
  /** The relay has answered, be it with an error. */
  #hasAnswered = false;
  /** Connections made since the last new event. */
  #attempts = 0;
  #restarts = 0;

  constructor(source: StreamSource, listener: StreamListener, { environment, signal }: FollowOptions) {
    this.#source = source;
    this.#streamId = source.type === 'existing' ? source.id : undefined;
    this.#listener = listener;
    this.#environment = environment;
    this.#signal = signal;
  }

  async follow(): Promise<FollowEnd> {
    this.#signal.throwIfAborted();
    const cancelWake = this.#environment.onWake(() => {
      this.#connection?.wake();
      this.#endPause?.();
    });
    try {
      this.#enter('connecting');
      const end = await this.#connectUntilEnd();
      this.#enter('ended');
      return end;
    } finally {
      cancelWake();
    }
  }

  async #connectUntilEnd(): Promise<FollowEnd> {
    for (;;) {
      const result = await this.#connectInPlace();
      if (result === undefined) continue;
      if (result.type !== 'broken') return result;
      const { cause } = result;
      if (this.#attempts >= mostAttempts) {
        return failed(new FollowError('connection_lost', 'The relay cannot be reached again', { cause }));
      }
      if (!this.#hasAnswered && this.#attempts >= mostFirstAttempts - 1) {
        return failed(new FollowError('unreachable', 'The relay did not answer', { cause }));
      }
      if (this.#hasAnswered) this.#enter('reconnecting');
      await this.#pause(result.retryAfterMs ?? backoffMs(this.#attempts, this.#environment.random()));
      this.#attempts += 1;
    }
  }

  /** Undefined when the place was lost. */
  async #connectInPlace(): Promise<Result | undefined> {
    const place = await this.#environment.takePlace(this.#signal);
    const connection = new Connection(this.#environment, AbortSignal.any([this.#signal, place.lost]));
    this.#connection = connection;
    try {
      const result = await this.#connectOnce(connection);
      return result.type === 'broken' && place.lost.aborted ? undefined : result;
    } finally {
      // In this order: whose place it is next opens a connection of its own.
      connection.cut('nothing more is wanted from it');
      place.release();
    }
  }

  #connectOnce(connection: Connection): Promise<Result> {
    this.#hasStaleEvents = this.#hasDelivered && this.#lastEventId === undefined;
    const source = this.#source;
    return this.#streamId === undefined && source.type === 'new'
      ? this.#ask(source, connection)
      : this.#resume(this.#streamId ?? '', connection);
  }

  async #ask(source: StreamSource & { type: 'new' }, connection: Connection): Promise<Result> {
    const answer = await this.#fetch(connection, '/streams', {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        'idempotency-key': source.key,
      },
      body: JSON.stringify(source.request),
    });
    if (answer.type === 'broken') return answer;
    const { response } = answer;
    this.#hasAnswered = true;
    // Not before: the headers may take as long as the API takes to accept the request.
    connection.heard();
    if (!response.ok) return failed(await responseError(response));
    const id = response.headers.get('x-stream-id');
    if (id === null) return failed(new FollowError('not_a_stream', 'The relay gave the stream no id'));
    this.#streamId = id;
    this.#listener.onOpen(id);
    return this.#read(response, connection);
  }

  async #resume(id: string, connection: Connection): Promise<Result> {
    connection.heard();
    const answer = await this.#fetch(connection, `/streams/${encodeURIComponent(id)}`, {
      headers: {
        accept: 'text/event-stream',
        ...(this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }),
      },
    });
    if (answer.type === 'broken') return answer;
    const { response } = answer;
    this.#hasAnswered = true;
    if (response.status === 200) return this.#read(response, connection);
    return response.status === 204 ? { type: 'ended' } : this.#refused(response);
  }

  async #refused(response: Response): Promise<Result> {
    const error = await responseError(response);
    if (response.status === 404) {
      return failed(
        new FollowError('gone', 'The relay does not have this stream any more', { cause: error }),
      );
    }
    const isPassing = response.status === 408 || response.status === 429 || response.status >= 500;
    return isPassing
      ? { type: 'broken', cause: error, retryAfterMs: retryAfter(response.headers) }
      : failed(error);
  }

  async #read(response: Response, connection: Connection): Promise<Result> {
    const type = response.headers.get('content-type') ?? 'nothing';
    if (response.body === null || !type.startsWith('text/event-stream')) {
      return failed(
        new FollowError('not_a_stream', `Cannot follow ${type}: text/event-stream was asked for`),
      );
    }
    const reader = response.body.getReader();
    const decoder = new SseDecoder();
    connection.heard();
    for (;;) {
      const chunk = await this.#nextChunk(reader);
      if (chunk.type === 'broken') return chunk;
      connection.heard();
      const result = this.#takeChunk(decoder, chunk.bytes);
      if (result === undefined && chunk.bytes !== undefined) continue;
      return (
        result ?? { type: 'broken', cause: new Error('The connection was closed before the stream ended') }
      );
    }
  }

  async #nextChunk(
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<Broken | { type: 'chunk'; bytes: Uint8Array | undefined }> {
    try {
      const { value } = await reader.read();
      return { type: 'chunk', bytes: value };
    } catch (cause) {
      this.#signal.throwIfAborted();
      return { type: 'broken', cause };
    }
  }

  /** What the chunk means for the connection; undefined: it goes on. `bytes` are undefined at the end of the body. */
  #takeChunk(decoder: SseDecoder, bytes: Uint8Array | undefined): Result | undefined {
    try {
      const frames = bytes === undefined ? decoder.end() : decoder.push(bytes);
      for (const frame of frames) {
        const result = this.#takeFrame(frame);
        if (result !== undefined) return result;
      }
      // Found behind the last whole frame: the chunk that would throw it may never come.
      return decoder.error === undefined ? undefined : failed(decoder.error);
    } catch (error) {
      if (error instanceof ProtocolError) return failed(error);
      throw error;
    }
  }

  #takeFrame(frame: ServerSentEvent): Result | undefined {
    const sequence = eventSequence(frame.id);
    if (sequence !== undefined) {
      if (sequence <= this.#lastSequence) return undefined;
      if (sequence > this.#lastSequence + 1) {
        return this.#restart(`event ${sequence} came after event ${this.#lastSequence}`);
      }
    }
    const event = parseStreamEvent(frame);
    const word = this.#takeRecord(relayRecord(event));
    if (word !== undefined) return word;
    this.#lastEventId = frame.id ?? this.#lastEventId;
    this.#lastSequence = sequence ?? this.#lastSequence;
    if (event.type !== 'ping') this.#deliver(event);
    return event.type === 'message_stop' || event.type === 'error' ? { type: 'ended' } : undefined;
  }

  /** What the relay's own record means for the connection. */
  #takeRecord(record: RelayRecord | undefined): Result | undefined {
    if (record?.type === 'reset') return this.#restart('the relay says so');
    return record?.type === 'reconnect' ? { type: 'broken', cause: new Error('The relay goes') } : undefined;
  }

  #deliver(event: StreamEvent): void {
    this.#attempts = 0;
    if (this.#hasStaleEvents) this.#listener.onRestart();
    this.#hasStaleEvents = false;
    this.#hasDelivered = true;
    this.#enter('streaming');
    this.#listener.onEvent(event);
  }

  #restart(reason: string): Result {
    this.#restarts += 1;
    if (this.#restarts > mostRestarts) {
      return failed(new FollowError('unsteady_log', `Cannot follow a log that keeps changing: ${reason}`));
    }
    this.#lastEventId = undefined;
    this.#lastSequence = 0;
    return { type: 'broken', cause: new Error(`The log was changed: ${reason}`), retryAfterMs: 0 };
  }

  /** The response to a request; an abort by the caller is thrown. */
  async #fetch(
    { signal }: Connection,
    path: string,
    init: RequestInit,
  ): Promise<Broken | { readonly type: 'answered'; readonly response: Response }> {
    try {
      const response = await this.#environment.fetch(path, { ...init, signal, cache: 'no-store' });
      return { type: 'answered', response };
    } catch (cause) {
      this.#signal.throwIfAborted();
      return { type: 'broken', cause };
    }
  }

  /** Waits for `delayMs`, or less when the page wakes up; an abort is thrown. */
  async #pause(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancelTimer();
        this.#signal.removeEventListener('abort', end);
        this.#endPause = undefined;
        resolve();
      };
      const cancelTimer = this.#environment.setTimer(end, delayMs);
      this.#endPause = end;
      this.#signal.addEventListener('abort', end);
    });
    this.#signal.throwIfAborted();
  }

  #enter(state: FollowState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listener.onState(state);
  }
}

function failed(error: ApiError | FollowError | ProtocolError): FollowEnd {
  return { type: 'failed', error };
}
