// What an answer was like for who waited for it: one record each, when it has its ending. Nothing of what was asked or
// said is in a record; who wants that takes the second argument.

import type { DeepReadonly, Message, Usage } from '../protocol/index.ts';
import type { StreamEnding } from './stream-ending.ts';
import type { ClientEvent } from './answer.ts';
import type { AnswerSource } from './answer-source.ts';
import type { Clock } from './clock.ts';
import type { MessageParams } from './message-params.ts';
import type { AttemptKind, AttemptRecord } from './usage-record.ts';

/** Times are in milliseconds, by the client's clock, and seen from this side of the network. */
export interface AnswerMetrics {
  /** When it was asked for, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Until its ending. */
  readonly durationMs: number;
  readonly isStreamed: boolean;
  readonly ending: StreamEnding['type'];
  /** The code of the error that it ended with, or its name; undefined for `complete`. */
  readonly errorCode: string | undefined;
  readonly requestModel: string;
  /** The model that answered; undefined when none began to. */
  readonly responseModel: string | undefined;
  readonly messageId: string | undefined;
  readonly requestId: string | undefined;
  readonly stopReason: string | undefined;
  /** Until the first delta of text, thinking or tool input; undefined when none came, or the answer was not streamed. */
  readonly timeToFirstTokenMs: number | undefined;
  /** Between one piece of the answer's content and the next, as they came over the network; a piece may hold several
   * tokens. At most 131,072 of them, the first. */
  readonly gapsMs: readonly number[];
  /** Output tokens after the first delta by the time they took; undefined for fewer than two pieces. */
  readonly tokensPerSecond: number | undefined;
  /** Of all attempts together; undefined when none said. */
  readonly usage: DeepReadonly<Usage> | undefined;
  readonly attempts: readonly AttemptRecord[];
  readonly retries: number;
  readonly recoveries: number;
  readonly fallbacks: number;
}

/** What a record says nothing of. */
export interface AnswerContent {
  readonly params: MessageParams;
  /** What had arrived. */
  readonly message: DeepReadonly<Message> | undefined;
}

/** Called once for each answer, when it has its ending. What it throws is reported, and changes nothing. */
export type OnMetrics = (metrics: AnswerMetrics, content: AnswerContent) => void;

/** For who has to know of an answer's beginning too, such as a trace. */
export interface Telemetry {
  /** Called when an answer is asked for, before anything is sent; the function it returns, at its ending. */
  start(request: AnswerRequested): OnMetrics & AnswerSurroundings;
}

export interface AnswerSurroundings {
  /** Sends a request of the answer, and returns what that gives: for who has to be around it, as the context of a
   * trace is. */
  readonly around?: (<Sent>(send: () => Sent) => Sent) | undefined;
}

export interface AnswerRequested {
  readonly params: MessageParams;
  readonly isStreamed: boolean;
  readonly baseURL: string;
}

/** A megabyte, at most, for an answer of more tokens than any model writes. */
const maxGaps = 131_072;

/** Takes the times of one answer. */
export class AnswerMeter {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #gapsMs: number[] = [];
  #firstAtMs: number | undefined;
  #lastAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.now();
  }

  /** Content has come. */
  take(atMs: number): void {
    if (this.#firstAtMs === undefined) this.#firstAtMs = atMs;
    else if (this.#gapsMs.length < maxGaps) this.#gapsMs.push(atMs - this.#lastAtMs);
    this.#lastAtMs = atMs;
  }

  /** The record of an answer that has its ending. */
  record(answer: MeteredAnswer): AnswerMetrics {
    const { message, attempts, usage, requestModel, isStreamed, endingType, error } = answer;
    const first = this.#firstAtMs;
    return {
      startedAtMs: this.#startedAtMs,
      durationMs: this.#clock.now() - this.#startedAtMs,
      isStreamed,
      ending: endingType,
      errorCode: endingType === 'complete' ? undefined : codeOf(error),
      requestModel,
      responseModel: message?.model,
      messageId: message?.id,
      requestId: attempts.at(-1)?.request_id,
      stopReason: message?.stop_reason ?? undefined,
      timeToFirstTokenMs: first === undefined ? undefined : first - this.#startedAtMs,
      gapsMs: this.#gapsMs,
      tokensPerSecond: rateOf(usage, first === undefined ? 0 : this.#lastAtMs - first),
      usage,
      attempts,
      retries: count(attempts, 'retry'),
      recoveries: count(attempts, 'recovery'),
      fallbacks: count(attempts, 'fallback'),
    };
  }
}

export interface MeteredAnswer {
  readonly requestModel: string;
  readonly isStreamed: boolean;
  readonly endingType: StreamEnding['type'];
  readonly error: unknown;
  readonly message: DeepReadonly<Message> | undefined;
  readonly usage: DeepReadonly<Usage> | undefined;
  readonly attempts: readonly AttemptRecord[];
}

/** The same answer, with the times of its content taken as it is read. */
export function withMeter<Source extends AnswerSource>(
  answer: Source,
  meter: AnswerMeter,
  clock: Clock,
): Source {
  const readChunk = answer.readChunk.bind(answer);
  answer.readChunk = async () => {
    const events = await readChunk();
    let isTaken = false;
    const shift = (): ClientEvent | undefined => {
      const event = events.shift();
      if (!isTaken && event?.type === 'content_block_delta') {
        isTaken = true;
        meter.take(clock.now());
      }
      return event;
    };
    return { shift };
  };
  return answer;
}

function count(attempts: readonly AttemptRecord[], kind: AttemptKind): number {
  return attempts.filter((attempt) => attempt.kind === kind).length;
}

function rateOf(usage: DeepReadonly<Usage> | undefined, durationMs: number): number | undefined {
  const tokens = (usage?.output_tokens ?? 0) - 1;
  return tokens > 0 && durationMs > 0 ? (tokens * 1000) / durationMs : undefined;
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : 'unknown';
}
