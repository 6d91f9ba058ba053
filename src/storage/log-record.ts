// What a stream's log holds: every upstream event as its frame came, and the relay's own records. Plain JSON, so
// that every backend can keep it.

import type { Usage } from '../protocol/index.ts';

export type LogRecord =
  | OpenRecord
  | AttemptRecord
  | EventRecord
  | FurtherAttemptRecord
  | RewindRecord
  | EndRecord;

/** The first record: who asked for what. */
export interface OpenRecord {
  readonly type: 'open';
  readonly owner: string;
  /** The body of the Messages request, as it goes upstream. */
  readonly request: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Set when another process may go on with the answer. */
  readonly takeover?: TakeoverTerms | undefined;
  /** What the answer is part of, by the name its owner has for it. */
  readonly conversation?: string | undefined;
  /** What a page calls the message that the answer goes on with; left out for a message of its own. */
  readonly messageId?: string | undefined;
  /** How the answer comes into a conversation that the relay keeps. */
  readonly turn?: TurnRecord | undefined;
}

/** Enough to add the turns of a request again, should its process die before the conversation has them. */
export interface TurnRecord {
  /** The turn that the new ones follow; null for none. */
  readonly parent: string | null;
  /** How many of the request's messages are new: its last ones. */
  readonly added: number;
  /** What a request that may be made again said of the conversation: the same one says the same. */
  readonly asked?: AskedTurn | undefined;
}

export interface AskedTurn {
  /** The idempotency key. */
  readonly key: string;
  /** Null for one whose name the relay made. */
  readonly conversation: string | null;
  /** Left out where none was named. */
  readonly parent?: string | null | undefined;
}

/** How upstream is called by a process that takes the stream over. Never with a key: that has to be its own. */
export interface TakeoverTerms {
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How long the stream goes on without any reader, in milliseconds; left out, to its end. */
  readonly orphanMs?: number | undefined;
  /** The owner is the id of a key of the relay: without that key nobody goes on with the answer. */
  readonly endsWithKey?: true | undefined;
  /** A call of a tool is shown only when it is whole: who reads can take nothing back. */
  readonly holdsTools?: true | undefined;
}

/** A producer has taken the stream: the first one, or one that goes on with it. */
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

/** Upstream was asked again, and answers: the events behind it are of that answer, in the place of the one before. */
export interface FurtherAttemptRecord {
  readonly type: 'further_attempt';
  /** Of the requests made for the answer; from 2 on. */
  readonly number: number;
  readonly kind: 'retry' | 'recovery' | 'fallback';
  readonly model: string;
  /** False when the answer was asked for in one piece; left out for a stream. */
  readonly isStreamed?: boolean;
  /** The code of the error that the request before ended with. */
  readonly reason: string;
  /** What the request has taken, as far as upstream says at its beginning. */
  readonly usage?: Usage | undefined;
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
  /** What all requests took together, where the events do not say it: there were several, or the last broke off. */
  readonly usage?: Usage | undefined;
  /** Some of `usage` is an estimate: of output that came before a break. */
  readonly isUsageEstimated?: true;
}

export type LogEnding =
  | { readonly type: 'complete' }
  | { readonly type: 'stopped' }
  /** `code` is one of the codes of docs/errors.md. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string };
