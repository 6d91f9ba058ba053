// The one truth about every stream: an append-only log per stream, kept by a backend. Written so that several
// processes can share a store: who may work on a stream is decided by a lease, who may write by the tail of the
// log. Every backend passes test/contract/stream-log.ts, whose tests carry the numbers of the promises below.

import type { EntryId } from './entry-id.ts';
import type { AttemptRecord, LogEnding, LogRecord, OpenRecord } from './log-record.ts';

export interface LogEntry {
  readonly id: EntryId;
  readonly record: LogRecord;
}

export interface NewStream {
  /** Unguessable, and never used before. */
  readonly id: string;
  readonly open: OpenRecord;
  /** With the same key and owner, `create` returns the stream made before instead of making one. */
  readonly idempotencyKey?: string | undefined;
}

export type CreateResult =
  | { readonly type: 'created' }
  /** The key has made this stream before, from the same request. */
  | { readonly type: 'exists'; readonly id: string }
  /** The key has made a stream from another request. */
  | { readonly type: 'conflict' }
  /** The store holds as many streams, or as many bytes, as it may. */
  | { readonly type: 'full' };

/** What an idempotency key has made before. */
export type MadeResult = Extract<CreateResult, { type: 'exists' | 'conflict' }>;

export type AcquireResult =
  | { readonly type: 'acquired'; readonly tail: EntryId; readonly attempt: AttemptRecord }
  /** Another producer holds the lease. */
  | { readonly type: 'held' }
  | { readonly type: 'ended' }
  | { readonly type: 'gone' };

export interface Append {
  /** The last entry as the producer knows it; the records follow it, under its epoch. */
  readonly after: EntryId;
  readonly records: readonly LogRecord[];
}

export type AppendResult =
  | { readonly type: 'appended'; readonly tail: EntryId; readonly stopRequested: boolean }
  /** The log goes on otherwise, to `tail`. In another epoch: another producer has taken over; stop, and close the
   * upstream call. In one's own: an append whose answer was lost had been written. */
  | { readonly type: 'fenced'; readonly tail: EntryId }
  /** The records would go past the limit on a log's bytes, or on the store's. An `end` record alone always fits. */
  | { readonly type: 'full' }
  | { readonly type: 'ended' }
  | { readonly type: 'gone' };

/** How much one read may return. At least one entry is returned where there is one, however large it is. */
export interface ReadLimits {
  /** With 0 nothing is returned: the read tells only whether the log has the entry `after`. */
  readonly maxEntries: number;
  /** Counted as the backend counts the bytes of a log. */
  readonly maxBytes: number;
}

export type ReadResult =
  | { readonly type: 'entries'; readonly entries: readonly LogEntry[]; readonly ended: boolean }
  /** The log has no such entry as `after`: it went another way from `from` on. */
  | { readonly type: 'diverged'; readonly from: EntryId }
  | { readonly type: 'gone' };

export interface StreamState {
  readonly id: string;
  readonly owner: string;
  readonly createdAt: number;
  readonly tail: EntryId;
  /** Undefined while the stream is open. */
  readonly ending: LogEnding | undefined;
}

/**
 * Promises of every backend:
 *
 * 1. Entries are numbered from 1 without gaps; a log begins with `open`, and nothing follows `end`.
 * 2. `append` writes all its records or none, and only when the tail is `after`.
 * 3. What `append` has acknowledged every later `read` returns, in any process that shares the store.
 * 4. Of several producers one holds the lease; `acquire` changes the tail, so that the one before is fenced.
 * 5. A reader costs the producer nothing: it reads from the log, at its own pace, from any entry.
 * 6. A log is never trimmed while its stream is open.
 */
export interface StreamLog extends AsyncDisposable {
  /** Whether another process can go on with the streams of one that ends. */
  readonly outlivesProcess: boolean;

  /** Makes the log with its `open` record. Rejects with a RangeError when the id is in use. */
  create(stream: NewStream): Promise<CreateResult>;
  /** What `create` would say of what the idempotency key has made; undefined, and nothing made, where it has made
   * nothing. */
  made(stream: Omit<NewStream, 'id'>): Promise<MadeResult | undefined>;

  /** Takes an open stream whose lease is free or run out, for `leaseMs`; appends the `attempt` record. A stream
   * whose producer was asked to stop and died instead ends here, `stopped`. */
  acquire(id: string, producer: string, leaseMs: number): Promise<AcquireResult>;
  /** Prolongs the lease: `held` is false when another has it. Says as well whether somebody asked to stop. */
  renew(id: string, producer: string, leaseMs: number): Promise<{ held: boolean; stopRequested: boolean }>;
  /** Gives the lease back, so that another may acquire the stream at once. */
  release(id: string, producer: string): Promise<void>;
  append(id: string, append: Append): Promise<AppendResult>;

  /** The entries after `after`, as many as the limits let through; at once where the store has them at hand, which
   * saves whoever follows a stream a promise for each event. Throws nothing: it rejects. */
  read(id: string, after: EntryId, limits: ReadLimits): ReadResult | Promise<ReadResult>;
  /** Resolves when the log has an entry after `after`, or is gone, or `signal` aborts; may resolve early. */
  wait(id: string, after: EntryId, signal: AbortSignal): Promise<void>;
  state(id: string): Promise<StreamState | undefined>;
  /** The id of the owner's stream of this conversation that was made last, of those that are there. */
  newest(owner: string, conversation: string): Promise<string | undefined>;

  /** Asks the producer to stop: it learns it from its next append or renewal. Without one the stream ends here. */
  requestStop(id: string): Promise<'requested' | 'ended' | 'gone'>;
  /** Removes the log, whatever its state. */
  delete(id: string): Promise<void>;
  /** What the store holds now, counted as its limits are. */
  held(): Promise<{ readonly streams: number; readonly bytes: number }>;
  /** Ids of streams that are open and that nobody holds. */
  abandoned(): Promise<readonly string[]>;
}
