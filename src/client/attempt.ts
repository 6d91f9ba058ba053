// One request and its response: bytes to events, within the limits of time. Knows nothing of other attempts.

import { ApiError, StreamEventDecoder } from '../protocol/index.ts';
import type { ErrorEvent, StreamEvent } from '../protocol/index.ts';
import { unexpected } from './api-connection.ts';
import type { Clock } from './clock.ts';
import { isCoded, TimeoutError } from './errors.ts';
import type { AttemptError } from './errors.ts';
import { responseErrorOf } from './response-error-of.ts';
import type { Timeouts } from './timeouts.ts';
import { releaseBody } from './transport.ts';
import type { TransportResponse } from './transport.ts';

/** What one read gives: events, and behind them, perhaps, how the response ended. */
export interface Reading {
  readonly events: readonly StreamEvent[];
  /** `end` is a clean end of the body. */
  readonly end?: 'end' | { readonly error: AttemptError };
}

export interface AttemptContext {
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  /** Aborts the attempt alone. */
  readonly controller: AbortController;
}

/** Reads one streamed response, chunk by chunk, each chunk only when it is asked for. */
export class Attempt {
  readonly requestId: string | undefined;
  readonly #response: TransportResponse;
  readonly #context: AttemptContext;
  readonly #decoder = new StreamEventDecoder();
  /** The beginning of the body as text, kept until the first event proves it a stream. */
  #beginning = '';
  #hasEvents = false;
  /** When the read that is under way began; undefined while nobody waits. */
  #waitingSinceMs: number | undefined;
  /** How long was waited since the last event that is no ping. */
  #withoutProgressMs = 0;
  #stopWatching: (() => void) | undefined;

  constructor(response: TransportResponse, context: AttemptContext) {
    this.#response = response;
    this.#context = context;
    this.requestId = response.headers.get('request-id') ?? undefined;
  }

  /** Never rejects. Behind an end there is nothing more to read. */
  async read(): Promise<Reading> {
    const { clock, controller } = this.#context;
    try {
      const startMs = clock.now();
      this.#watch(startMs);
      const chunk = await this.#response.body.read();
      this.#waitingSinceMs = undefined;
      controller.signal.throwIfAborted();
      return this.#decode(chunk, startMs);
    } catch (error) {
      this.#waitingSinceMs = undefined;
      return { events: [], end: { error: this.#errorOf(error) } };
    }
  }

  /** Lets go of the response, whose content is complete or of no more use. Never rejects. */
  async release(): Promise<void> {
    this.#stop();
    await releaseBody(this.#response.body);
  }

  /** Ends the transfer. Never rejects. */
  async cancel(): Promise<void> {
    this.#stop();
    await this.#response.body.cancel();
  }

  #decode(chunk: Uint8Array | undefined, startMs: number): Reading {
    if (!this.#hasEvents && chunk !== undefined && this.#beginning.length < 500) {
      this.#beginning += new TextDecoder().decode(chunk.subarray(0, 500));
    }
    const events = chunk === undefined ? this.#decoder.end() : this.#decoder.push(chunk);
    this.#hasEvents ||= events.length > 0;
    if (chunk === undefined && !this.#hasEvents && !isStreamBeginning(this.#beginning)) {
      // A 200 without an event is no stream, whatever its content type says; and gateways mislabel those that are.
      const error = responseErrorOf('not_an_event_stream', this.#response, this.#beginning);
      return { events, end: { error } };
    }
    const isProgress = events.some(({ type }) => type !== 'ping');
    this.#withoutProgressMs = isProgress ? 0 : this.#withoutProgressMs + this.#context.clock.now() - startMs;
    const { error } = this.#decoder;
    if (error !== undefined) return { events, end: { error } };
    return chunk === undefined ? { events, end: 'end' } : { events };
  }

  /** One timer serves many reads: it looks at what is being waited for when it fires. */
  #watch(nowMs: number): void {
    this.#waitingSinceMs = nowMs;
    this.#stopWatching ??= this.#startTimer(nowMs);
  }

  #startTimer(nowMs: number): (() => void) | undefined {
    const { clock } = this.#context;
    const { atMs } = this.#deadline(nowMs);
    if (atMs === Infinity) return undefined;
    return clock.setTimer(() => {
      this.#stopWatching = undefined;
      if (this.#waitingSinceMs === undefined) return;
      const { atMs: dueMs, code, limitMs } = this.#deadline(this.#waitingSinceMs);
      if (clock.now() < dueMs) this.#stopWatching = this.#startTimer(this.#waitingSinceMs);
      else this.#context.controller.abort(new TimeoutError(code, limitMs));
    }, atMs - clock.now());
  }

  #deadline(sinceMs: number): { atMs: number; code: 'idle_timeout' | 'progress_timeout'; limitMs: number } {
    const { idleMs, progressMs } = this.#context.timeouts;
    const idleAtMs = sinceMs + idleMs;
    const progressAtMs = sinceMs + progressMs - this.#withoutProgressMs;
    return idleAtMs <= progressAtMs
      ? { atMs: idleAtMs, code: 'idle_timeout', limitMs: idleMs }
      : { atMs: progressAtMs, code: 'progress_timeout', limitMs: progressMs };
  }

  #stop(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  #errorOf(error: unknown): AttemptError {
    const { signal } = this.#context.controller;
    const reason: unknown = signal.aborted ? signal.reason : error;
    return isCoded(reason) ? reason : unexpected('body', reason);
  }
}

/** Whether a body that ended before its first event was one that broke off there. */
function isStreamBeginning(text: string): boolean {
  return text !== '' && ('event: '.startsWith(text) || /^(?:event|data|id|retry)?:/.test(text));
}

/** What an error event says, as the error that the same answer over HTTP would be. */
export function errorOfEvent(event: ErrorEvent): ApiError {
  const { request_id } = event;
  return new ApiError(event.error, { requestId: typeof request_id === 'string' ? request_id : undefined });
}
