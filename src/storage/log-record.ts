// What a stream's log holds: every upstream event as its frame came, and the relay's own records. Plain JSON, so
// that every backend can keep it.

export type LogRecord = OpenRecord | AttemptRecord | EventRecord | RewindRecord | EndRecord;

/** The first record: who asked for what. */
export interface OpenRecord {
  readonly type: 'open';
  readonly owner: string;
  /** The body of the Messages request, as it goes upstream. */
  readonly request: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** A producer has taken the stream, and calls upstream. */
export interface AttemptRecord {
  readonly type: 'attempt';
  /** From 1 on. */
  readonly number: number;
  readonly producer: string;
}

/** An upstream event: its frame's `event` and `data`, padding included. */
export interface EventRecord {
  readonly type: 'event';
  readonly event?: string | undefined;
  readonly data: string;
}

/** Blocks from `fromIndex` on are withdrawn: another attempt generates them anew. */
export interface RewindRecord {
  readonly type: 'rewind';
  readonly fromIndex: number;
}

/** The last record of every log. */
export interface EndRecord {
  readonly type: 'end';
  readonly ending: LogEnding;
  /** The event before it is upstream's own error, which tells the same: readers of its frames need no second. */
  readonly saidByUpstream?: true;
}

export type LogEnding =
  | { readonly type: 'complete' }
  | { readonly type: 'stopped' }
  /** `code` is one of the codes of docs/errors.md. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string };
