// The first request of a stream, on the way that every token takes: frames go into the log as they came, and only
// those that can end the answer are looked into.

import { follow, isCoded, limitTime, ReadWatch } from '../client/engine.ts';
import type { AttemptError, CallSettings } from '../client/engine.ts';
import { TruncatedError } from '../client/index.ts';
import type { ByteSource, TransportResponse } from '../client/index.ts';
import type { EndRecord, LogRecord } from '../storage/index.ts';
import { readFrames } from './answer-frames.ts';
import type { Broken } from './answer-frames.ts';
import { errorFrom } from './error-from.ts';
import { endOf, refusalOf } from './failure.ts';
import { FrameDecoder } from './frame-decoder.ts';
import type { RelayResponse } from './http.ts';
import { StorageError } from './storage-error.ts';
import type { StreamCall } from './stream-call.ts';
import { isEventStream } from './upstream.ts';

/** How a request ended without the end of the answer. */
export interface Break extends Broken {
  readonly failure: AttemptError;
  /** What the log says when nothing can be done about it: its end, and perhaps the frame that broke the answer. */
  readonly last: readonly LogRecord[];
  /** The response for a client that has none yet. */
  readonly refusal: RelayResponse;
}

export interface FirstRequestContext {
  readonly call: StreamCall;
  readonly settings: CallSettings;
  readonly signal: AbortSignal;
  /** Upstream has answered with a stream. */
  readonly onStream: (response: TransportResponse) => void;
  /** Takes records into the log; resolves with false when there is no more to do. */
  readonly append: (records: readonly LogRecord[]) => Promise<boolean>;
}

export type FirstResult =
  /** The answer is whole, and its end is in the log; what is left of the transfer can serve the next call. */
  | { readonly type: 'complete'; readonly body: ByteSource }
  | { readonly type: 'broken'; readonly broken: Break }
  /** The log takes no more from here. */
  | { readonly type: 'over' };

const complete: EndRecord = { type: 'end', ending: { type: 'complete' } };

/** Rejects with the signal's reason after an abort, and with what `append` rejects with. */
export function makeFirstRequest(context: FirstRequestContext): Promise<FirstResult> {
  return new FirstRequest(context).make();
}

class FirstRequest {
  readonly #context: FirstRequestContext;
  readonly #controller = new AbortController();
  readonly #letGo: () => void;
  readonly #watch: ReadWatch;
  #body: ByteSource | undefined;
  #isWhole = false;

  constructor(context: FirstRequestContext) {
    this.#context = context;
    this.#letGo = follow(context.signal, this.#controller);
    const { clock, timeouts } = context.settings;
    this.#watch = new ReadWatch({ clock, timeouts, controller: this.#controller });
  }

  async make(): Promise<FirstResult> {
    try {
      const response = await this.#send();
      this.#body = response.body;
      if (response.status !== 200 || !isEventStream(response)) return await refused(response, this.#context);
      this.#context.onStream(response);
      return await this.#readAll(response.body);
    } catch (error) {
      return brokenBy(this.#failureOf(error), this.#context.call);
    } finally {
      this.#stop();
    }
  }

  #stop(): void {
    this.#letGo();
    this.#watch.stop();
    if (!this.#isWhole) void this.#body?.cancel();
  }

  async #send(): Promise<TransportResponse> {
    const { call, settings } = this.#context;
    const { connectMs, headersMs } = settings.timeouts;
    const { signal } = this.#controller;
    const limit = { code: 'headers_timeout', limitMs: headersMs } as const;
    const stopTimer = limitTime(this.#controller, settings.clock, limit);
    try {
      signal.throwIfAborted();
      return await call.post(call.request, { signal, connectMs, isFurther: false });
    } finally {
      stopTimer();
    }
  }

  async #readAll(body: ByteSource): Promise<FirstResult> {
    const decoder = new FrameDecoder();
    const { signal } = this.#controller;
    const { call } = this.#context;
    for (;;) {
      this.#watch.begin();
      const chunk = await body.read();
      this.#watch.end();
      signal.throwIfAborted();
      const frames = readFrames(chunk === undefined ? decoder.end() : decoder.push(chunk));
      if (frames.hasProgress) this.#watch.progress();
      const { isComplete, broken } = frames;
      const records = isComplete ? [...frames.records, complete] : frames.records;
      if (records.length > 0 && !(await this.#context.append(records))) return { type: 'over' };
      if (isComplete) {
        this.#isWhole = true;
        return { type: 'complete', body };
      }
      if (broken !== undefined)
        return { type: 'broken', broken: { ...brokenBy(broken.failure, call).broken, ...broken } };
      if (decoder.error !== undefined) return brokenBy(decoder.error, call);
      if (chunk === undefined) return brokenBy(new TruncatedError(undefined, undefined), call);
    }
  }

  /** The limits of time abort the request alone; any other abort is the stream's. Throws what is no failure of the
   * request. */
  #failureOf(error: unknown): AttemptError {
    if (error instanceof StorageError) throw error;
    this.#context.signal.throwIfAborted();
    const { signal } = this.#controller;
    const reason: unknown = signal.aborted ? signal.reason : error;
    if (isCoded(reason)) return reason;
    throw reason;
  }
}

/** A response that is no stream: an error goes to the client as it is, anything else as an error of ours. */
async function refused(
  response: TransportResponse,
  { call, settings }: FirstRequestContext,
): Promise<BrokenResult> {
  const hearer = { quotesUpstream: call.quotesUpstream, nowMs: settings.clock.now() };
  const { failure, passed } = await errorFrom(response, hearer);
  const { broken } = brokenBy(failure, call);
  return { type: 'broken', broken: { ...broken, refusal: passed ?? broken.refusal } };
}

type BrokenResult = Extract<FirstResult, { type: 'broken' }>;

function brokenBy(failure: AttemptError, call: StreamCall): BrokenResult {
  const last = [endOf(failure, call)];
  return { type: 'broken', broken: { failure, last, refusal: refusalOf(failure, call) } };
}
