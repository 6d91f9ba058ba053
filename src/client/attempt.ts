// One request and its response: bytes to events, within the limits of time. Knows nothing of other attempts.

import { StreamEventDecoder } from '../protocol/index.ts';
import type { StreamEvent } from '../protocol/index.ts';
import { TimeoutError } from './errors.ts';
import type { AttemptError } from './errors.ts';
import { ReadWatch } from './read-watch.ts';
import type { WatchContext } from './read-watch.ts';
import type { JsonObject } from './read-object.ts';
import { responseErrorOf } from './response-error-of.ts';
import { connectionError, releaseBody } from './transport.ts';
import type { TransportResponse } from './transport.ts';

/** What one read gives: events, and behind them, perhaps, how the response ended. */
export interface Reading {
  readonly events: readonly StreamEvent[];
  /** `end` is a clean end of the body. */
  readonly end?: 'end' | { readonly error: AttemptError };
}

/** A response that is read, streamed or in one piece. No method rejects. */
export interface ResponseSource {
  /** What came in one piece. */
  readonly reply?: JsonObject | undefined;
  read(): Promise<Reading>;
  /** Lets go of a response whose content is complete. */
  release(): Promise<void>;
  /** Ends the transfer. */
  cancel(): Promise<void>;
}

/** Reads one streamed response, chunk by chunk, each chunk only when it is asked for. */
export class Attempt implements ResponseSource {
  readonly #response: TransportResponse;
  readonly #context: WatchContext;
  readonly #decoder = new StreamEventDecoder();
  /** The beginning of the body as text, kept until the first event proves it a stream. */
  #beginning = '';
  #hasEvents = false;
  readonly #watch: ReadWatch;

  constructor(response: TransportResponse, context: WatchContext) {
    this.#response = response;
    this.#context = context;
    this.#watch = new ReadWatch(context);
  }

  /** Never rejects. Behind an end there is nothing more to read. */
  async read(): Promise<Reading> {
    try {
      this.#watch.begin();
      const chunk = await this.#response.body.read();
      this.#watch.end();
      this.#context.controller.signal.throwIfAborted();
      return this.#decode(chunk);
    } catch (error) {
      this.#watch.end();
      return { events: [], end: { error: this.#errorOf(error) } };
    }
  }

  /** Lets go of the response, whose content is complete or of no more use. Never rejects. */
  async release(): Promise<void> {
    this.#watch.stop();
    await releaseBody(this.#response.body);
  }

  /** Ends the transfer. Never rejects. */
  async cancel(): Promise<void> {
    this.#watch.stop();
    await this.#response.body.cancel();
  }

  #decode(chunk: Uint8Array | undefined): Reading {
    if (!this.#hasEvents && chunk !== undefined && this.#beginning.length < 500) {
      this.#beginning += new TextDecoder().decode(chunk.subarray(0, 500));
    }
    const events = chunk === undefined ? this.#decoder.end() : this.#decoder.push(chunk);
    this.#hasEvents ||= events.length > 0;
    const foreign = chunk === undefined ? this.#foreign : undefined;
    if (foreign !== undefined) return { events, end: { error: foreign } };
    if (events.some(({ type }) => type !== 'ping')) this.#watch.progress();
    const { error } = this.#decoder;
    if (error !== undefined) return { events, end: { error } };
    return chunk === undefined ? { events, end: 'end' } : { events };
  }

  /** A 200 without an event is no stream, whatever its content type says; and gateways mislabel those that are. */
  get #foreign(): AttemptError | undefined {
    return this.#hasEvents || isStreamBeginning(this.#beginning)
      ? undefined
      : responseErrorOf('not_an_event_stream', this.#response, this.#beginning);
  }

  #errorOf(error: unknown): AttemptError {
    const { signal } = this.#context.controller;
    const cause: unknown = signal.aborted ? signal.reason : error;
    // A page whose end does not come is a page, and no silent stream.
    const foreign = cause instanceof TimeoutError && this.#beginning !== '' ? this.#foreign : undefined;
    return foreign ?? (connectionError('The response broke off', 'body', { cause }) as AttemptError);
  }
}

/** Whether a body that ended before its first event was one that broke off there. */
function isStreamBeginning(text: string): boolean {
  return text !== '' && ('event: '.startsWith(text) || /^(?:event|data|id|retry)?:/.test(text));
}
