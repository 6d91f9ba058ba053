// The requests made for one answer, one after the other: when there may be another, how long to wait before it,
// which model it asks, and whether for a stream.

import { ApiError } from '../protocol/index.ts';
import type { StreamEvent } from '../protocol/index.ts';
import type { ApiConnection } from './api-connection.ts';
import { Attempt } from './attempt.ts';
import type { Reading, ResponseSource } from './attempt.ts';
import type { CallSettings } from './call-settings.ts';
import { limitTime, sleep } from './clock.ts';
import { isCoded } from './errors.ts';
import type { AttemptError } from './errors.ts';
import { follow } from './follow.ts';
import type { MessageParams, RequestOptions } from './message-params.ts';
import { isPrefillRefusal } from './recovery.ts';
import type { ContinuationMode, RecoveryPlan } from './recovery.ts';
import type { JsonObject } from './read-object.ts';
import { isPassing, retryAfter } from './retry-policy.ts';
import type { RetryOptions } from './retry-policy.ts';
import { requestIdOf } from './transport.ts';
import type { TransportResponse } from './transport.ts';
import { inputTokensOf, UsageRecord } from './usage-record.ts';
import type { AttemptKind, AttemptRecord } from './usage-record.ts';

/** The fallback to an answer in one piece. */
const wholeStep = 'non-streaming';

/** Where requests go, and what they share with those of other answers. */
export type AnswerConnection = Pick<ApiConnection, 'post' | 'budget' | 'modes'>;

export interface AnswerRequest {
  readonly connection: AnswerConnection;
  readonly params: MessageParams;
  /** The signal counts from `open()` on, until the answer has its ending. */
  readonly options: Pick<RequestOptions, 'headers' | 'signal'>;
  readonly settings: CallSettings;
  /** Ends everything. */
  readonly controller: AbortController;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Is around the sending of every request. */
  readonly around?: (<Sent>(send: () => Sent) => Sent) | undefined;
  /** Default: a message, streamed. */
  readonly isStreamed?: boolean | undefined;
  /** How what is asked for in one piece is read; without it nothing can be. */
  readonly replies?: ReplyReader | undefined;
}

/** What is asked for in one piece. */
export interface ReplyReader {
  readonly path: string;
  /** Rejects with ResponseError when the reply is anything else. */
  read(response: TransportResponse): Promise<ResponseSource>;
}

/** Another attempt is about to be made; nothing that was shown is lost. */
export interface RetryEvent {
  /** The number of the attempt to come, from 2. */
  readonly attempt: number;
  /** Why the one before failed. */
  readonly error: AttemptError;
  readonly delayMs: number;
  /** The model it will ask. */
  readonly model: string;
  readonly kind: AttemptKind;
  /** False when the answer is asked for whole. */
  readonly isStreamed: boolean;
}

export class AnswerAttempts {
  readonly #request: AnswerRequest;
  readonly #records: UsageRecord[] = [];
  /** What is asked now: after a fallback another model, after a break the rest of the answer. */
  #params: MessageParams;
  #isStreamed: boolean;
  #recoveries = 0;
  /** The fallbacks not yet turned to. */
  #steps: readonly string[];
  /** Since the last fallback. */
  #retries = 0;
  /** What retries took from the budget; given back when the answer is complete. */
  #taken = 0;
  #source: ResponseSource | undefined;
  #letGo: () => void = nothing;
  /** Ends the limit of time for all attempts, and the following of the caller's signal. */
  #stop: () => void = nothing;
  /** The code of the last failure that another attempt was made for. */
  lastReason = '';
  /** Of the latest attempt; undefined before its headers are there. */
  response: TransportResponse | undefined;

  constructor(request: AnswerRequest) {
    this.#request = request;
    this.#params = request.params;
    const { fallback } = request.settings;
    this.#steps = request.replies === undefined ? fallback.filter((step) => step !== wholeStep) : fallback;
    this.#isStreamed = request.isStreamed ?? true;
  }

  get records(): readonly AttemptRecord[] {
    return this.#records;
  }

  /** What came in one piece; undefined before, and for a stream. */
  get reply(): JsonObject | undefined {
    return this.#source?.reply;
  }

  get requestId(): string | undefined {
    return this.#records.at(-1)?.request_id;
  }

  /** What the answer is an answer to, with the model that is asked now. */
  get params(): MessageParams {
    return { ...this.#request.params, model: this.#params.model };
  }

  get mode(): ContinuationMode {
    return this.#request.connection.modes.of(this.#params.model);
  }

  /** Takes over after requests that somebody else has made. */
  resume(records: readonly UsageRecord[], recoveries: number): void {
    this.#records.push(...records);
    this.#recoveries = recoveries;
  }

  /** Sends the first request, and others while they fail and may be repeated. Rejects with the last failure. */
  async open(): Promise<void> {
    const { settings, controller, options } = this.#request;
    const letGo = follow(options.signal, controller);
    const total = { code: 'total_timeout', limitMs: settings.timeouts.totalMs } as const;
    const stopTimer = limitTime(controller, settings.clock, total);
    this.#stop = () => {
      letGo();
      stopTimer();
    };
    await this.#sendUntilAnswered('first');
  }

  /** Never rejects. */
  read(): Promise<Reading> {
    // Not async: this is on the way of every chunk.
    return this.#source?.read() ?? Promise.resolve({ events: [], end: 'end' });
  }

  /** Counts an event of the attempt under way. */
  take(event: StreamEvent): void {
    this.#records.at(-1)?.take(event);
  }

  /** Makes another attempt from the beginning. Rejects with `failure` when there may be none. */
  async retry(failure: AttemptError): Promise<void> {
    const kind = await this.#prepareNext(failure, this.#retryInStream);
    await this.#sendUntilAnswered(kind);
  }

  /** Whether an answer that breaks off is gone on with at all. */
  get isRecovering(): boolean {
    return this.#request.settings.recover !== undefined;
  }

  /** Takes one of the recoveries there may be; false when there are no more, or none for this failure. */
  takeRecovery(failure: AttemptError): boolean {
    const { recover } = this.#request.settings;
    if (recover === undefined) return false;
    // A stream that is not understood is broken as well.
    if (failure.name !== 'ProtocolError' && !isPassing(failure, this.#retryInStream)) return false;
    if (this.#extraTokensWithNext() > recover.maxExtraTokens) return false;
    this.#recoveries += 1;
    return this.#recoveries <= recover.maxRecoveries || this.#turnToWhole();
  }

  /** Asks for the rest of the answer, in the way that the model turns out to take; resolves with the plan used. */
  async goOn(failure: AttemptError, planIn: (mode: ContinuationMode) => RecoveryPlan): Promise<RecoveryPlan> {
    this.#fail(failure);
    this.lastReason = failure.code;
    // What comes in one piece does not break off: it was turned to just now.
    const kind = this.#isStreamed ? 'recovery' : 'fallback';
    for (;;) {
      const plan = planIn(this.mode);
      this.#params = plan.params;
      this.#retries = 0;
      this.#tell(failure, { kind, delayMs: 0 });
      try {
        await this.#sendUntilAnswered(kind);
        // Not what the way there met with.
        this.lastReason = failure.code;
        return plan;
      } catch (error) {
        const isRefusal =
          error instanceof ApiError && error.status === 400 && isPrefillRefusal(error.message);
        if (!isRefusal || plan.mode !== 'prefill') throw error;
        this.#request.connection.modes.learn(this.#params.model, 'turn');
      }
    }
  }

  /** Lets go of the response, whose end does not matter any more. */
  release(): void {
    this.#letGo();
    void this.#source?.release();
  }

  /** Never rejects. */
  async cancel(): Promise<void> {
    this.#letGo();
    await this.#source?.cancel();
  }

  /** No more attempts; `error` is why the last one failed, if it did. */
  end(error: unknown): void {
    this.#stop();
    if (error === undefined) this.#request.connection.budget.succeed(this.#taken);
    else this.#fail(error);
  }

  async #sendUntilAnswered(first: AttemptKind): Promise<void> {
    let kind = first;
    for (;;) {
      try {
        await this.#send(kind);
        return;
      } catch (error) {
        const { signal } = this.#request.controller;
        if (signal.aborted) throw signal.reason;
        // Misuse by the caller is no failure of an attempt.
        if (!isCoded(error)) throw error;
        kind = await this.#prepareNext(error);
      }
    }
  }

  async #send(kind: AttemptKind): Promise<void> {
    const { connection, options, settings, controller, replies } = this.#request;
    const isStreamed = this.#isStreamed;
    const record = new UsageRecord({
      number: this.#nextNumber,
      kind,
      model: this.#params.model,
      isStreamed,
    });
    this.#records.push(record);
    const own = new AbortController();
    this.#letGo = follow(controller.signal, own);
    const { clock, timeouts } = settings;
    const limitMs = isStreamed ? timeouts.headersMs : timeouts.replyMs;
    const stopTimer = limitTime(own, clock, { code: 'headers_timeout', limitMs });
    try {
      const path = replies?.path ?? '/v1/messages';
      const params = { ...this.#params, stream: isStreamed ? true : undefined };
      const { connectMs } = timeouts;
      const { around = plainly } = this.#request;
      const response = await around(() =>
        connection.post(path, params, { ...options, signal: own.signal, connectMs }),
      );
      this.response = response;
      record.request_id = requestIdOf(response);
      this.#source =
        isStreamed || replies === undefined
          ? new Attempt(response, { clock, timeouts, controller: own })
          : await replies.read(response);
    } catch (error) {
      this.#letGo();
      if (error instanceof ApiError) {
        record.request_id = error.requestId;
        throw error;
      }
      throw own.signal.aborted ? own.signal.reason : error;
    } finally {
      stopTimer();
    }
  }

  /** Waits before the next attempt, if there may be one; rejects with `failure` otherwise. */
  async #prepareNext(failure: AttemptError, options = this.#request.settings.retry): Promise<AttemptKind> {
    this.#fail(failure);
    this.lastReason = failure.code;
    const { settings, connection, controller } = this.#request;
    const { random, clock } = settings;
    const retry = retryAfter(failure, options, { retries: this.#retries, random });
    const isAllowed = retry !== undefined && connection.budget.take(retry.cost);
    if (!isAllowed && !this.#fallBack(failure, options)) throw failure;
    const kind = isAllowed ? 'retry' : 'fallback';
    const delayMs = isAllowed ? retry.delayMs : 0;
    this.#retries = isAllowed ? this.#retries + 1 : 0;
    if (isAllowed) this.#taken += retry.cost;
    this.#tell(failure, { kind, delayMs });
    await sleep(delayMs, { clock, signal: controller.signal });
    return kind;
  }

  /** Turns to the next fallback; false when there is none, or it would fail in the same way. */
  #fallBack(failure: AttemptError, options: RetryOptions): boolean {
    const isForAnother = isPassing(failure, options) || isOfModel(failure);
    const [step, ...others] = this.#steps;
    if (!isForAnother || step === undefined) return false;
    this.#steps = others;
    if (step === wholeStep && !this.#isStreamed) return this.#fallBack(failure, options);
    if (step === wholeStep) this.#isStreamed = false;
    else this.#params = { ...this.#params, model: step };
    return true;
  }

  /** The last resort for an answer that keeps breaking: its rest in one piece. */
  #turnToWhole(): boolean {
    if (!this.#isStreamed || !this.#steps.includes(wholeStep)) return false;
    this.#steps = this.#steps.filter((step) => step !== wholeStep);
    this.#isStreamed = false;
    return true;
  }

  /** The input tokens of all attempts but the first, and of one more that takes as many as the last that said so. */
  #extraTokensWithNext(): number {
    const [first = 0, ...others] = this.#records.map(({ usage }) => inputTokensOf(usage));
    const next = others.findLast((tokens) => tokens > 0) ?? first;
    return others.reduce((sum, tokens) => sum + tokens, next);
  }

  /** A stream that had begun was within the spending limit: an error in it says nothing of when to come back, ever. */
  get #retryInStream(): RetryOptions {
    return { ...this.#request.settings.retry, retryUnboundedRateLimit: true };
  }

  #tell(error: AttemptError, { kind, delayMs }: Pick<RetryEvent, 'kind' | 'delayMs'>): void {
    const attempt = this.#nextNumber;
    const { model } = this.#params;
    this.#request.onRetry?.({ attempt, error, delayMs, model, kind, isStreamed: this.#isStreamed });
  }

  /** Somebody else's records may leave some out. */
  get #nextNumber(): number {
    return (this.#records.at(-1)?.number ?? 0) + 1;
  }

  #fail(error: unknown): void {
    const record = this.#records.at(-1);
    if (record !== undefined) record.error ??= error;
  }
}

/** Another model may be there, or may take what this one does not. */
function isOfModel(failure: AttemptError): boolean {
  return failure instanceof ApiError && failure.status === 404;
}

const nothing = (): void => undefined;

const plainly = <Sent>(send: () => Sent): Sent => send();
