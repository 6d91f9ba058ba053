// What makes a log's entries the text of one format.

import type { EntryId, LogEntry } from '../storage/index.ts';
import type { DismissalCode } from './dismissal.ts';

/** Endings that are a reader's alone: the log has another, or none. */
type ReaderErrorCode =
  | DismissalCode
  | 'api_error'
  | 'interrupted'
  | 'log_diverged'
  | 'storage_failed'
  | 'storage_full'
  | 'stream_gone';

/** A format of a stream's log: a pure function from entries to text, with a small state of its own. Throws nothing,
 * whatever a log holds. */
export interface Encoder {
  encode(entry: LogEntry): string;
  /** Said when nothing else has been for a while; never part of the log. */
  ping(): string;
  /** How many answers of its owner are before this one, and itself; never part of the log. Left out in a format that
   * has no words for it. */
  waiting?(position: number): string;
  /** Said when the log is not what the reader has seen: it begins anew. Undefined in a format that cannot take back
   * what it said. */
  reset(from: EntryId): string | undefined;
  /** Said when the relay goes, or the connection is old, and the log has no end: the reader is to come back for the
   * rest. Undefined in a format whose readers cannot. */
  reconnect(): string | undefined;
  /** An ending that is not the log's own, since no connection just closes. */
  failed(code: ReaderErrorCode, message: string): string;
  /** The format needs every entry from the first on, also for a reader who joins later. */
  readonly needsHistory: boolean;
  /** The format has said an ending before the log has one. */
  readonly hasEnded: boolean;
}
