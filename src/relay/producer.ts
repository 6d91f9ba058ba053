// Gets one answer from upstream into its log. The log comes first: nothing reaches a reader that is not in it.

import type { StreamEnding } from '../client/engine.ts';
import { ApiError, releaseBody, TimeoutError } from '../client/index.ts';
import type { AttemptRecord, ByteSource } from '../client/index.ts';
import { ProtocolError } from '../protocol/index.ts';
import type { EndRecord, LogEnding, LogRecord, StreamLog } from '../storage/index.ts';
import { OwnerLimitError } from './access/owner-limit-error.ts';
import { readBegunLog } from './begun-log.ts';
import type { BegunLog } from './begun-log.ts';
import { endOf, refusalOf } from './failure.ts';
import { makeFirstRequest } from './first-request.ts';
import type { Break, FirstResult } from './first-request.ts';
import { closingResponse, errorResponse } from './http.ts';
import type { RelayResponse } from './http.ts';
import { limitResponse } from './limits.ts';
import { interrupted } from './last-words.ts';
import { Lease } from './lease.ts';
import type { MendedBreak } from './log-line.ts';
import { LogWriter } from './log-writer.ts';
import { Loss } from './parting.ts';
import { RestOfAnswer } from './rest-of-answer.ts';
import { settledUsage } from './settled-usage.ts';
import { isStoreFull, StorageError } from './storage-error.ts';
import type { CallPolicy, StreamCall } from './stream-call.ts';
import { StreamWatch } from './telemetry/stream-watch.ts';
import type { Attempt } from './telemetry/telemetry.ts';
import type { CostOf } from './telemetry/stream-watch.ts';
import type { RelayTelemetry } from './telemetry/telemetry.ts';
import { ToolHold } from './tool-hold.ts';
import { passedHeaders } from './upstream.ts';

export interface ProducerOptions {
  readonly id: string;
  readonly name: string;
  readonly log: StreamLog;
  readonly now: () => number;
  /** Told of a store that fails, and of an upstream that cannot be reached where the answer fails of it. */
  readonly onError: (error: unknown) => void;
  /** Told of a call that broke without the answer failing. */
  readonly onBreak: (mended: MendedBreak) => void;
  readonly call: StreamCall;
  readonly policy: CallPolicy;
  /** Resolves when the owner may have the answer begin; rejects with OwnerLimitError, and with the signal's reason. */
  readonly begin?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** The answer was begun by a process that is gone. */
  readonly isTakeover?: boolean | undefined;
  readonly telemetry?: Required<RelayTelemetry> | undefined;
  readonly costOf?: CostOf | undefined;
}

/** What upstream said before any event. */
export type Opening =
  /** The log has what there is to read, were it only an ending. */
  | { readonly type: 'streaming'; readonly headers: Readonly<Record<string, string>> }
  /** The response that a client gets in place of a stream. */
  | { readonly type: 'refused'; readonly response: RelayResponse };

export class Producer {
  readonly #options: ProducerOptions;
  readonly #controller = new AbortController();
  readonly #opening = Promise.withResolvers<Opening>();
  /** Begins when the log is left without an end: the store did not take it. */
  readonly loss: Loss = new Loss();
  readonly #lease: Lease;
  readonly #hold: ToolHold | undefined;
  readonly #watch: StreamWatch | undefined;
  readonly #writer: LogWriter;
  /** How the log ends after an abort. */
  #abortEnding: LogEnding = { type: 'stopped' };
  #isClosing = false;
  #isHandingOver = false;
  #isHandedOver = false;
  #isUnwritten = false;
  /** Why the owner gets no more of it. */
  #limit: OwnerLimitError | undefined;
  /** The transfer of a whole answer, whose end may still come. */
  #finished: ByteSource | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#hold = options.call.holdsTools === true ? new ToolHold() : undefined;
    this.#watch = StreamWatch.of({ ...options, clock: options.policy.settings.clock });
    const hooks = {
      onWritten: (records: readonly LogRecord[]) => this.#watch?.take(records),
      onStop: () => this.stop(),
      onLost: () => this.#abort(new StorageError('The lease was lost').ending),
    };
    this.#writer = new LogWriter(options, hooks);
    this.#lease = new Lease(options, hooks);
  }

  /** Resolves when upstream has answered, with a stream or without. Never rejects. */
  get opening(): Promise<Opening> {
    return this.#opening.promise;
  }

  /** Whether the log has no end for want of a store, and not because another process has the stream. */
  get isUnwritten(): boolean {
    return this.#isUnwritten;
  }

  /** Closes the upstream call; the log ends `stopped`, and what came stays. */
  stop(): void {
    this.#abort({ type: 'stopped' });
  }

  /** Closes the upstream call; the log ends with the limit's code, and what came stays. */
  fail(limit: OwnerLimitError): void {
    this.#limit = limit;
    this.#abort(endOf(limit).ending);
  }

  /** Stops; a client that waits for upstream's answer is asked to come again. */
  close(): void {
    this.#isClosing = true;
    this.stop();
  }

  /** Closes the upstream call and leaves the stream, as far as it came, to another process. One that nobody could go
   * on with ends as by `close`. */
  handOver(): void {
    if (this.#controller.signal.aborted) return;
    this.#isHandingOver = true;
    this.close();
  }

  /** Whether the stream was left to another process. */
  get isHandedOver(): boolean {
    return this.#isHandedOver;
  }

  /** Works until the log has its end. Never rejects: what goes wrong is the log's ending. */
  async run(): Promise<void> {
    const stopTotal = this.#limitTotal();
    try {
      await this.#work();
    } catch (error) {
      this.#options.onError(error);
      const failure =
        error instanceof StorageError ? error : new StorageError('Cannot go on', { cause: error });
      this.#abort(failure.ending);
      this.#refuse(
        isStoreFull(error) ? limitResponse('disk') : errorResponse(500, 'api_error', 'Internal server error'),
      );
      await this.#endAfterFailure(failure);
    } finally {
      stopTotal();
      this.#watch?.close({ isWithoutEnd: this.loss.hasBegun });
      await this.#lease.release();
      // After a whole answer the connection can serve the next call.
      if (this.#finished !== undefined) await releaseBody(this.#finished);
    }
  }

  /** Ends all calls together, and the waiting between them, when they have taken too long. */
  #limitTotal(): () => void {
    const { timeouts, clock } = this.#options.policy.settings;
    const { totalMs } = timeouts;
    if (totalMs === Infinity) return () => undefined;
    return clock.setTimer(() => {
      const error = new TimeoutError('total_timeout', totalMs);
      this.#refuse(refusalOf(error));
      this.#abort(endOf(error).ending);
    }, totalMs);
  }

  #abort(ending: LogEnding): void {
    if (this.#controller.signal.aborted) return;
    this.#abortEnding = ending;
    this.#controller.abort(new DOMException('The stream was stopped', 'AbortError'));
  }

  #refuse(response: RelayResponse): void {
    this.#opening.resolve({ type: 'refused', response });
  }

  /** Rejects with StorageError. */
  async #work(): Promise<void> {
    const acquired = await this.#lease.acquire();
    if (acquired.type !== 'acquired') return this.#open({});
    this.#writer.begin(acquired.tail);
    const { signal } = this.#controller;
    try {
      signal.throwIfAborted();
      await this.#options.begin?.(signal);
      const first = this.#options.isTakeover === true ? interruptedFirst : await this.#produce();
      if (first.type === 'complete') this.#takeWhole(first.body);
      if (first.type === 'broken') await this.#goOn(first.broken);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      if (!signal.aborted) return this.#failWith(error);
      this.#isHandedOver = this.#isHandingOver && (await this.#mayBeLeft());
      // Who waits for upstream's word gets the stream, and so its id to come back with.
      if (this.#isHandedOver) this.#open({});
      else await this.#writer.append([await this.#endOfAbort()]);
    }
  }

  /** The first request. Not async, as what each open stream waits in costs it memory. */
  #produce(): Promise<FirstResult> {
    const { call, policy } = this.#options;
    this.#controller.signal.throwIfAborted();
    this.#watch?.asked({ kind: 'first' });
    return makeFirstRequest({
      call,
      settings: policy.settings,
      signal: this.#controller.signal,
      onStream: (response) => this.#open(passedHeaders(response)),
      append: (records) => this.#show(records),
    });
  }

  #takeWhole(body: ByteSource): void {
    this.#finished = body;
    // What others took for their retries comes back as answers succeed, and most need no retry.
    this.#options.policy.budget.succeed(0);
  }

  /** Makes further requests where there may be some; writes the end. */
  async #goOn(broken: Break): Promise<void> {
    this.#hold?.drop();
    const begun = await this.#readBegun();
    const rest = begun === undefined || this.#isWornOut(begun) ? undefined : this.#restOf(begun, broken);
    if (rest === undefined) return this.#giveUp(broken, begun?.requests ?? []);
    try {
      while (rest.ending === undefined) {
        const records = await rest.next();
        if (rest.response !== undefined && rest.hasBegun(records)) this.#open(passedHeaders(rest.response));
        if (!(await this.#show(records))) return;
      }
    } finally {
      await rest.cancel(new DOMException('The log takes no more', 'AbortError'));
    }
    await this.#endAs(rest.ending, rest, broken);
  }

  /** Throws the reason of an abort. */
  async #endAs(ending: StreamEnding, rest: RestOfAnswer, broken: Break): Promise<void> {
    const { requests, hasAsked } = rest;
    if (ending.type === 'aborted') throw ending.error;
    if (ending.type !== 'complete') {
      const { error } = ending;
      const { call } = this.#options;
      const isSame = error === broken.failure;
      const last = {
        failure: error,
        last: rest.lastWords(broken) ?? [endOf(error, call)],
        refusal: refusalOf(error, call),
      };
      return this.#giveUp(isSame ? broken : last, requests);
    }
    const { code } = broken.failure;
    const attempt = requests.at(-1)?.number ?? 1;
    if (!hasAsked) this.#options.onBreak({ attempt, code, action: 'end' });
    this.#open({});
    await this.#writer.append([{ type: 'end', ending: { type: 'complete' }, ...settledUsage(requests) }]);
  }

  /** A request that every process dies of must not go on from one to the next. */
  #isWornOut({ recoveries }: BegunLog): boolean {
    const { isTakeover, policy } = this.#options;
    return isTakeover === true && recoveries >= (policy.settings.recover?.maxRecoveries ?? 0);
  }

  /** Whether the process that takes the stream next would go on with it. */
  async #mayBeLeft(): Promise<boolean> {
    const { call, policy } = this.#options;
    const begun = await this.#readBegun();
    if (begun === undefined || begun.nextRecoveries >= (policy.settings.recover?.maxRecoveries ?? 0))
      return false;
    const { failure } = interrupted;
    return RestOfAnswer.mayFollow(begun, { call, policy, failure, controller: new AbortController() });
  }

  #restOf(begun: BegunLog, { failure }: Break): RestOfAnswer | undefined {
    const { call, policy, onBreak } = this.#options;
    const controller = this.#controller;
    const onAttempt = (attempt: Attempt): void => this.#watch?.asked(attempt);
    return RestOfAnswer.of(begun, { call, policy, failure, controller, onBreak, onAttempt });
  }

  /** What the log has of the answer; undefined when that cannot be read. */
  #readBegun(): Promise<BegunLog | undefined> {
    const { id, log, call } = this.#options;
    const { model } = JSON.parse(call.request) as { model: string };
    return readBegunLog(log, id, { tail: this.#writer.tail, model });
  }

  async #giveUp(
    { failure, last, refusal }: Omit<Break, 'failure'> & { readonly failure: unknown },
    requests: readonly AttemptRecord[],
  ): Promise<void> {
    if (isNews(failure)) this.#options.onError(failure);
    const told = last.map((record) =>
      record.type === 'end' ? { ...record, ...settledUsage(requests) } : record,
    );
    await this.#endRefused(told, refusal);
  }

  async #failWith(error: unknown): Promise<void> {
    if (!(error instanceof OwnerLimitError)) this.#options.onError(error);
    const { call } = this.#options;
    await this.#endRefused([endOf(error, call)], refusalOf(error, call));
  }

  /** The end comes first: who is refused may ask again at once, in the same conversation. */
  async #endRefused(last: readonly LogRecord[], refusal: RelayResponse): Promise<void> {
    try {
      await this.#writer.append(last);
    } finally {
      this.#refuse(refusal);
    }
  }

  async #endOfAbort(): Promise<EndRecord> {
    if (this.#isClosing) this.#refuse(closingResponse());
    else if (this.#limit !== undefined) this.#refuse(this.#limit.response);
    else this.#open({});
    const begun = await this.#readBegun();
    return { type: 'end', ending: this.#abortEnding, ...settledUsage(begun?.requests ?? []) };
  }

  #open(headers: Readonly<Record<string, string>>): void {
    this.#opening.resolve({ type: 'streaming', headers });
  }

  /** Appends what may be shown now. False when there is no more to do. */
  #show(records: readonly LogRecord[]): Promise<boolean> {
    const shown = this.#hold?.push(records) ?? records;
    return shown.length === 0 ? Promise.resolve(true) : this.#writer.append(shown);
  }

  async #endAfterFailure(failure: StorageError): Promise<void> {
    try {
      if (await this.#writer.endAfterFailure(failure)) return;
    } catch (error) {
      this.#isUnwritten = true;
      this.#options.onError(error);
    }
    this.loss.lose(failure);
  }
}

const interruptedFirst: FirstResult = { type: 'broken', broken: interrupted };

/** What upstream says itself, and what another process left, says the ending. */
function isNews(failure: unknown): boolean {
  return !(
    failure instanceof ProtocolError ||
    failure instanceof ApiError ||
    failure === interrupted.failure
  );
}
