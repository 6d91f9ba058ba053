// Who wants to know how the relay does: figures, traces. Nothing of what was asked or said is ever told.

import type { Usage } from '../../protocol/index.ts';
import type { RequestLine } from '../log-line.ts';

/** Each method is called in the middle of the work it tells of: it returns at once. What it throws is reported and
 * changes nothing. Times are in milliseconds. */
export interface RelayTelemetry {
  /** Called once, by `createRelay`. */
  watch?(figures: RelayFigures): void;
  /** A stream is produced here from now on. */
  begin?(stream: BegunStream): StreamTelemetry;
  /** A reader is no more. */
  readerEnded?(outcome: ReaderOutcome): void;
  /** A stream that another process left open was ended, for it could not be gone on with. */
  interrupted?(): void;
  /** A response has gone out. */
  request?(line: RequestLine): void;
}

/** What is looked up when somebody asks. */
export interface RelayFigures {
  /** Streams that are produced here. */
  readonly openStreams: () => number;
  /** Connections that read. */
  readonly readers: () => number;
  /** Requests that wait for their turn. */
  readonly waiting: () => number;
  /** What the store holds. */
  readonly held: () => Promise<HeldLogs>;
}

export interface HeldLogs {
  readonly streams: number;
  readonly bytes: number;
}

export interface BegunStream {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Another process began it. */
  readonly isTakeover: boolean;
}

/** Of one stream. */
export interface StreamTelemetry {
  /** Upstream has begun its message. */
  answered?(responseModel: string): void;
  /** The first content is in the log, so long after the stream began. */
  firstContent?(sinceMs: number): void;
  /** More of it is, so long after what came before. Told in lots: an event is not held up by each. */
  moreContent?(gapsMs: readonly number[]): void;
  /** Upstream is asked, whether it answers or not. */
  attempt?(attempt: Attempt): void;
  /** Blocks that readers had seen are withdrawn. */
  rewound?(): void;
  /** Called once, last. */
  end?(summary: StreamSummary): void;
}

export interface Attempt {
  readonly kind: 'first' | 'retry' | 'recovery' | 'fallback';
  /** The code of the error that the one before ended with; undefined of the first. */
  readonly reason?: string | undefined;
}

export interface StreamSummary {
  /** `unfinished`: this process lost the stream, or handed it over, before its end. */
  readonly ending: 'complete' | 'stopped' | 'failed' | 'unfinished';
  /** Of a failure. */
  readonly code?: string | undefined;
  readonly durationMs: number;
  readonly responseModel: string | undefined;
  readonly stopReason: string | undefined;
  /** Of all requests together; undefined where upstream said none. */
  readonly usage: Usage | undefined;
  /** At the prices of `access` for the model that answered; undefined for one without. */
  readonly cost: number | undefined;
  readonly isUsageEstimated: boolean;
  /** The log was left without an end that this process owed it. */
  readonly isWithoutEnd: boolean;
}

/** How reading came to its end. `sent_away` was told to come back: the relay goes, or the connection was old. `gap`,
 * `without_end` and `damaged` are violations of what a log promises: an entry was missing, the log had ended without an
 * `end`, or the store itself says that it is not what was written. */
export type ReaderOutcome =
  | 'ended'
  | 'left'
  | 'sent_away'
  | 'access_ended'
  | 'key_removed'
  | 'gap'
  | 'without_end'
  | 'damaged'
  | 'log_diverged'
  | 'stream_gone'
  | 'storage_failed'
  | 'storage_full'
  | 'api_error';
