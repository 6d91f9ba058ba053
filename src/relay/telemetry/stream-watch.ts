// What one stream was like, seen from what is appended to its log. Looks at the kind of each record; of upstream's
// events only those are parsed that say what was used, two or three in an answer.

import { totalUsage } from '../../client/engine.ts';
import type { Clock } from '../../client/index.ts';
import { parseStreamEvent, ProtocolError } from '../../protocol/index.ts';
import type { StreamEvent, Usage } from '../../protocol/index.ts';
import type { EndRecord, EventRecord, LogRecord } from '../../storage/index.ts';
import { LoggedCalls } from '../logged-calls.ts';
import type { Attempt, RelayTelemetry, StreamSummary, StreamTelemetry } from './telemetry.ts';

/** What usage comes to at a model's prices; undefined for a model without. */
export type CostOf = (model: string, usage: Usage) => number | undefined;

export interface StreamWatchOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly isTakeover?: boolean | undefined;
  readonly costOf?: CostOf | undefined;
}

/** What is between pieces of content is told of so many at a time, a second's worth or so. */
const gapsAtOnce = 32;

export class StreamWatch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #costOf: CostOf | undefined;
  readonly #told: Required<StreamTelemetry>;
  readonly #isTakeover: boolean;
  readonly #beganMs: number;
  readonly #calls = new LoggedCalls('');
  /** When content last came; undefined before. */
  #contentMs: number | undefined;
  /** What is still to be told of. */
  #gapsMs: number[] = [];
  #responseModel: string | undefined;
  #stopReason: string | undefined;
  #hasEnded = false;

  /** Undefined where nobody wants to know. */
  static of({
    telemetry,
    ...options
  }: StreamWatchOptions & { telemetry?: Required<RelayTelemetry> | undefined }): StreamWatch | undefined {
    return telemetry && new StreamWatch(telemetry, options);
  }

  private constructor(
    telemetry: Required<RelayTelemetry>,
    { clock, isTakeover = false, costOf }: StreamWatchOptions,
  ) {
    this.#clock = clock;
    this.#costOf = costOf;
    this.#isTakeover = isTakeover;
    this.#beganMs = clock.now();
    this.#told = telemetry.begin({ atMs: Date.now(), isTakeover }) as Required<StreamTelemetry>;
  }

  /** Upstream is asked. */
  asked(attempt: Attempt): void {
    this.#told.attempt(attempt);
  }

  /** These records are in the log. */
  take(records: readonly LogRecord[]): void {
    let hasContent = false;
    for (const record of records) {
      if (record.type !== 'event') this.#takeOwn(record);
      else if (record.event === 'content_block_delta') hasContent = true;
      else if (sayingUsage.has(record.event ?? '')) this.#takeEvent(record);
    }
    if (hasContent) this.#takeContent();
  }

  /** Nothing more comes. `isWithoutEnd`: the log has no end, and nobody else will write one. */
  close({ isWithoutEnd }: { isWithoutEnd: boolean }): void {
    if (!this.#hasEnded) this.#end({ ending: 'unfinished', isWithoutEnd });
  }

  #takeContent(): void {
    const now = this.#clock.now();
    if (this.#contentMs !== undefined) {
      this.#gapsMs.push(now - this.#contentMs);
      if (this.#gapsMs.length === gapsAtOnce) this.#tellGaps();
    } else if (!this.#isTakeover) this.#told.firstContent(now - this.#beganMs);
    this.#contentMs = now;
  }

  #tellGaps(): void {
    if (this.#gapsMs.length === 0) return;
    this.#told.moreContent(this.#gapsMs);
    this.#gapsMs = [];
  }

  #takeEvent(record: EventRecord): void {
    try {
      const event = parseStreamEvent(record);
      this.#calls.takeEvent(event);
      if (event.type === 'message_start') this.#answer(event);
      else this.#stopReason = stopReasonOf(event) ?? this.#stopReason;
    } catch (error) {
      // The answer itself fails by it.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #answer(event: StreamEvent): void {
    const { message } = event as { message?: { model?: unknown } };
    if (typeof message?.model !== 'string' || this.#responseModel !== undefined) return;
    this.#responseModel = message.model;
    this.#tellGaps();
    this.#told.answered(message.model);
  }

  #takeOwn(record: Exclude<LogRecord, EventRecord>): void {
    if (record.type === 'further_attempt') this.#calls.takeAttempt(record);
    else if (record.type === 'rewind') this.#told.rewound();
    else if (record.type === 'end') this.#takeEnd(record);
  }

  #takeEnd({ ending, usage, isUsageEstimated }: EndRecord): void {
    const total = usage ?? totalUsage(this.#calls.records);
    this.#end({
      ending: ending.type,
      code: ending.type === 'failed' ? ending.code : undefined,
      usage: total,
      cost: total && this.#costOf?.(this.#responseModel ?? '', total),
      isUsageEstimated: isUsageEstimated === true,
      isWithoutEnd: false,
    });
  }

  #end(summary: Pick<StreamSummary, 'ending' | 'isWithoutEnd'> & Partial<StreamSummary>): void {
    this.#hasEnded = true;
    this.#tellGaps();
    this.#told.end({
      code: undefined,
      usage: undefined,
      cost: undefined,
      isUsageEstimated: false,
      durationMs: this.#clock.now() - this.#beganMs,
      responseModel: this.#responseModel,
      stopReason: this.#stopReason,
      ...summary,
    });
  }
}

const sayingUsage = new Set(['message_start', 'message_delta']);

function stopReasonOf(event: StreamEvent): string | undefined {
  const { delta } = event as { delta?: { stop_reason?: unknown } };
  return typeof delta?.stop_reason === 'string' ? delta.stop_reason : undefined;
}
