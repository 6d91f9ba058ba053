// The rest of an answer whose beginning is in a log, as records of that log. Retries, fallbacks and recovery are the
// client's own.

import { Answer, isCoded, planRecovery, wholeMessages } from '../client/engine.ts';
import type {
  AnswerConnection,
  AttemptError,
  CallSettings,
  ClientEvent,
  RecoveryPlan,
  RetryEvent,
  StreamEnding,
} from '../client/engine.ts';
import { ApiError } from '../client/index.ts';
import type { AttemptRecord, MessageParams, TransportResponse } from '../client/index.ts';
import { PartialJson } from '../protocol/index.ts';
import type { Usage } from '../protocol/index.ts';
import type { EventRecord, LogRecord } from '../storage/index.ts';
import { upstreamsLast } from './answer-frames.ts';
import type { Broken } from './answer-frames.ts';
import type { BegunLog } from './begun-log.ts';
import { errorFrom } from './error-from.ts';
import { isEventStream } from './upstream.ts';
import type { MendedBreak } from './log-line.ts';
import type { CallPolicy, StreamCall } from './stream-call.ts';
import type { Attempt } from './telemetry/telemetry.ts';

export interface RestContext {
  readonly call: StreamCall;
  readonly policy: CallPolicy;
  /** Why the log does not go on. */
  readonly failure: AttemptError;
  /** Ends everything. */
  readonly controller: AbortController;
  /** Told when another request is about to be made, perhaps after a delay. */
  readonly onBreak?: (mended: MendedBreak) => void;
  /** Told when it is made. */
  readonly onAttempt?: ((attempt: Attempt) => void) | undefined;
}

export class RestOfAnswer {
  readonly #answer: Answer;
  readonly #begunRequests: number;
  /** How many requests the log tells of. */
  #toldRequests: number;
  /** How many blocks the log has. */
  #blockCount: number;
  #lastReason: string;
  /** What upstream said in place of a stream. */
  readonly #refusals = new WeakSet<Error>();

  /** Undefined when the call may not be made again for this failure. */
  static of(begun: BegunLog, context: RestContext): RestOfAnswer | undefined {
    const { call } = context;
    const rest = new RestOfAnswer(begun, context);
    const answer = rest.#answer;
    const mayAskAgain = call.retries || fallbackOf(context).length > 0;
    if (!answer.isCommitted) return mayAskAgain || answer.ending !== undefined ? rest : undefined;
    if (!call.recovers) return undefined;
    if (call.canRewind || answer.message?.stop_reason != null) return rest;
    // Where nothing can be taken back, what would drop a block is not begun.
    const plan = planOf(answer, context);
    return plan !== undefined && plan.keptBlocks === rest.#blockCount ? rest : undefined;
  }

  /** Whether another process may go on with what there is. */
  static mayFollow(begun: BegunLog, context: RestContext): boolean {
    const answer = new RestOfAnswer(begun, context).#answer;
    if (answer.ending !== undefined || !answer.isCommitted) return true;
    return answer.message?.stop_reason != null || planOf(answer, context) !== undefined;
  }

  private constructor(begun: BegunLog, context: RestContext) {
    const { call, policy, failure, controller, onBreak, onAttempt } = context;
    let next: Attempt = { kind: 'recovery', reason: failure.code };
    const settings = settingsFor(begun, context);
    const connection: AnswerConnection = {
      budget: policy.budget,
      modes: policy.modes,
      post: async (_path, params, { signal, connectMs }) => {
        onAttempt?.(next);
        const response = await call.post(JSON.stringify(params), { signal, connectMs, isFurther: true });
        if (response.status === 200) return response;
        const hearer = { quotesUpstream: call.quotesUpstream, nowMs: settings.clock.now() };
        const { failure } = await errorFrom(response, hearer);
        this.#refusals.add(failure);
        throw failure;
      },
    };
    const request = {
      connection,
      params: paramsOf(call),
      options: {},
      settings,
      controller,
      replies: wholeMessages,
      onRetry: ({ attempt, error: { code }, kind }: RetryEvent) => {
        next = { kind, reason: code };
        onBreak?.({ attempt: attempt - 1, code, action: kind === 'first' ? 'retry' : kind });
      },
    };
    this.#answer = new Answer(request, { createInput: () => new PartialJson() });
    const { events, requests, recoveries } = begun;
    this.#answer.resume({ events, records: requests, recoveries, failure });
    this.#begunRequests = requests.length;
    this.#toldRequests = requests.length;
    this.#blockCount = this.#answer.message?.content.length ?? 0;
    this.#lastReason = failure.code;
  }

  /** Of the latest request; undefined before its headers are there. */
  get response(): TransportResponse | undefined {
    return this.#answer.response;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#answer.ending;
  }

  /** What the log says last when upstream said in its stream how the answer failed; undefined when it did not. */
  lastWords(before: Broken): readonly LogRecord[] | undefined {
    const { ending } = this;
    if (ending?.type !== 'failed' || !(ending.error instanceof ApiError)) return undefined;
    return this.#refusals.has(ending.error) ? undefined : upstreamsLast(ending.error, before);
  }

  /** Whether upstream has begun to say an answer: with a stream, or with what came in one piece. */
  hasBegun(records: readonly LogRecord[]): boolean {
    return records.length > 0 || (this.response !== undefined && isEventStream(this.response));
  }

  /** Every request made for it. */
  get requests(): readonly AttemptRecord[] {
    return this.#answer.attempts;
  }

  /** Whether upstream was asked for any of it. */
  get hasAsked(): boolean {
    return this.requests.length > this.#begunRequests;
  }

  /** What the next chunk says, perhaps nothing. Never rejects. */
  async next(): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    const events = await this.#answer.readChunk();
    for (let event = events.shift(); event !== undefined; event = events.shift())
      records.push(...this.#recordsOf(event));
    return records;
  }

  /** Ends the transfer. Never rejects. */
  cancel(reason: unknown): Promise<void> {
    return this.#answer.cancel(reason);
  }

  #recordsOf(event: ClientEvent): LogRecord[] {
    if (event.type === 'recover') {
      const fromIndex = (event as { from_index: number }).from_index;
      this.#lastReason = (event as { reason: string }).reason;
      if (fromIndex >= this.#blockCount) return [];
      this.#blockCount = fromIndex;
      return [{ type: 'rewind', fromIndex }];
    }
    if (event.type === 'content_block_start') this.#blockCount = (event as { index: number }).index + 1;
    const record: EventRecord = { type: 'event', event: event.type, data: JSON.stringify(event) };
    return [...this.#newRequest(), record];
  }

  /** Told with the first event that is shown of it: by then its usage is known. */
  #newRequest(): LogRecord[] {
    const { attempts } = this.#answer;
    const latest = attempts.at(-1);
    if (latest === undefined || latest.kind === 'first' || attempts.length <= this.#toldRequests) return [];
    const before = attempts[this.#toldRequests - 1]?.error;
    this.#toldRequests = attempts.length;
    const { number, kind, model, isStreamed, usage } = latest;
    return [
      {
        type: 'further_attempt',
        number,
        kind,
        model,
        ...(isStreamed ? {} : { isStreamed }),
        reason: isCoded(before) ? before.code : this.#lastReason,
        ...(usage === undefined ? {} : { usage: { ...usage } as Usage }),
      },
    ];
  }
}

function fallbackOf({ call, policy }: Pick<RestContext, 'call' | 'policy'>): readonly string[] {
  return (call.fallsBack ?? call.retries) ? policy.settings.fallback : [];
}

function settingsFor({ events }: BegunLog, context: RestContext): CallSettings {
  const { call, policy } = context;
  const { settings } = policy;
  const isBegun = events.some(({ type }) => type === 'content_block_delta');
  return {
    ...settings,
    recover: call.recovers ? settings.recover : undefined,
    fallback: fallbackOf(context),
    // A call that is not repeated may have something to turn to all the same.
    retry: call.retries || isBegun ? settings.retry : { ...settings.retry, maxRetries: 0 },
  };
}

function planOf({ message, isBlockOpen }: Answer, { call, policy }: RestContext): RecoveryPlan | undefined {
  const params = paramsOf(call);
  const broken = { params, blocks: message?.content ?? [], isLastOpen: isBlockOpen };
  return planRecovery(broken, policy.modes.of(params.model));
}

/** Throws nothing: the body was looked at before it was sent. */
function paramsOf({ request }: StreamCall): MessageParams {
  return JSON.parse(request) as MessageParams;
}
