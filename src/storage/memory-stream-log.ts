// Logs in this process's memory: for tests, and for a relay whose streams may end with it.

import { isSameEntry, logStart } from './entry-id.ts';
import type { EntryId } from './entry-id.ts';
import type { AttemptRecord, LogEnding, LogRecord, OpenRecord } from './log-record.ts';
import type { AcquireResult, Append, AppendResult, CreateResult, LogEntry } from './stream-log.ts';
import type { NewStream, ReadResult, StreamLog, StreamState } from './stream-log.ts';

export interface MemoryStreamLogOptions {
  /** The most streams held; default 10,000. Past it the oldest ended one goes; with none ended `create` is full. */
  maxStreams?: number;
  /** The most bytes of one log, counted as characters of its records; default 64 MiB. Past it `append` is full. */
  maxLogBytes?: number;
  /** How long a log is kept after its end, in milliseconds; default 24 h. */
  keepMs?: number;
  /** Milliseconds since 1970; the clock of leases, epochs and keeping. */
  now?: () => number;
}

interface Stream {
  readonly id: string;
  readonly open: OpenRecord;
  readonly idempotencyKey: string | undefined;
  readonly entries: LogEntry[];
  /** Who waits for the next entry. */
  readonly waiting: Set<() => void>;
  bytes: number;
  attempts: number;
  lease: { readonly producer: string; readonly until: number } | undefined;
  stopRequested: boolean;
  ending: { readonly ending: LogEnding; readonly at: number } | undefined;
}

const defaults = {
  maxStreams: 10_000,
  maxLogBytes: 64 * 1024 * 1024,
  keepMs: 24 * 60 * 60 * 1000,
  now: Date.now,
};

export class MemoryStreamLog implements StreamLog {
  readonly #options: Required<MemoryStreamLogOptions>;
  /** Oldest first. */
  readonly #streams = new Map<string, Stream>();
  /** Owner and idempotency key to stream id. */
  readonly #keys = new Map<string, string>();

  constructor(options: MemoryStreamLogOptions = {}) {
    this.#options = { ...defaults, ...options };
  }

  async create({ id, open, idempotencyKey }: NewStream): Promise<CreateResult> {
    this.#dropExpired();
    const key = idempotencyKey === undefined ? undefined : JSON.stringify([open.owner, idempotencyKey]);
    const made = key === undefined ? undefined : this.#streams.get(this.#keys.get(key) ?? '');
    if (made !== undefined) {
      return made.open.request === open.request ? { type: 'exists', id: made.id } : { type: 'conflict' };
    }
    if (this.#streams.has(id)) throw new RangeError(`Cannot create the stream "${id}": the id is in use`);
    if (this.#streams.size >= this.#options.maxStreams && !this.#dropOldestEnded()) return { type: 'full' };
    const stream: Stream = {
      id,
      open,
      idempotencyKey: key,
      entries: [],
      waiting: new Set(),
      bytes: 0,
      attempts: 0,
      lease: undefined,
      stopRequested: false,
      ending: undefined,
    };
    this.#streams.set(id, stream);
    if (key !== undefined) this.#keys.set(key, id);
    this.#write(stream, this.#options.now(), [open]);
    return { type: 'created' };
  }

  async acquire(id: string, producer: string, leaseMs: number): Promise<AcquireResult> {
    const stream = this.#find(id);
    if (stream === undefined) return { type: 'gone' };
    if (stream.ending !== undefined) return { type: 'ended' };
    const now = this.#options.now();
    if (stream.lease !== undefined && stream.lease.until > now) return { type: 'held' };
    stream.lease = { producer, until: now + leaseMs };
    stream.attempts += 1;
    const attempt: AttemptRecord = { type: 'attempt', number: stream.attempts, producer };
    // Taken from the clock and above the last: an epoch is never used twice, so no two logs share an entry id.
    this.#write(stream, Math.max(tailOf(stream).epoch + 1, now), [attempt]);
    return { type: 'acquired', tail: tailOf(stream), attempt };
  }

  async renew(
    id: string,
    producer: string,
    leaseMs: number,
  ): Promise<{ held: boolean; stopRequested: boolean }> {
    const stream = this.#find(id);
    const held = stream?.lease?.producer === producer && stream.ending === undefined;
    if (stream !== undefined && held) stream.lease = { producer, until: this.#options.now() + leaseMs };
    return { held, stopRequested: stream?.stopRequested ?? false };
  }

  async release(id: string, producer: string): Promise<void> {
    const stream = this.#find(id);
    if (stream?.lease?.producer === producer) stream.lease = undefined;
  }

  async append(id: string, { after, records }: Append): Promise<AppendResult> {
    const stream = this.#find(id);
    if (stream === undefined) return { type: 'gone' };
    if (stream.ending !== undefined) return { type: 'ended' };
    if (!isSameEntry(tailOf(stream), after)) return { type: 'fenced' };
    const isEnd = records.length === 1 && records[0]?.type === 'end';
    if (!isEnd && stream.bytes + sizeOf(records) > this.#options.maxLogBytes) return { type: 'full' };
    this.#write(stream, after.epoch, records);
    return { type: 'appended', tail: tailOf(stream), stopRequested: stream.stopRequested };
  }

  async read(id: string, after: EntryId, limit: number): Promise<ReadResult> {
    const stream = this.#find(id);
    if (stream === undefined) return { type: 'gone' };
    const known = after.sequence === 0 ? logStart : stream.entries[after.sequence - 1]?.id;
    if (known === undefined || !isSameEntry(known, after)) return { type: 'diverged', from: logStart };
    const entries = stream.entries.slice(after.sequence, after.sequence + limit);
    const reachesTail = after.sequence + entries.length === stream.entries.length;
    return { type: 'entries', entries, ended: stream.ending !== undefined && reachesTail };
  }

  async wait(id: string, after: EntryId, signal: AbortSignal): Promise<void> {
    const stream = this.#find(id);
    if (stream === undefined || stream.ending !== undefined || signal.aborted) return;
    if (stream.entries.length > after.sequence) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        stream.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      stream.waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  async state(id: string): Promise<StreamState | undefined> {
    const stream = this.#find(id);
    if (stream === undefined) return undefined;
    const { owner, createdAt } = stream.open;
    return { id, owner, createdAt, tail: tailOf(stream), ending: stream.ending?.ending };
  }

  async requestStop(id: string): Promise<'requested' | 'ended' | 'gone'> {
    const stream = this.#find(id);
    if (stream === undefined) return 'gone';
    if (stream.ending !== undefined) return 'ended';
    stream.stopRequested = true;
    if (!this.#isHeld(stream)) {
      const tail = tailOf(stream);
      this.#write(stream, tail.epoch, [{ type: 'end', ending: { type: 'stopped' } }]);
    }
    return 'requested';
  }

  async delete(id: string): Promise<void> {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  async abandoned(): Promise<readonly string[]> {
    return [...this.#streams.values()]
      .filter((stream) => stream.ending === undefined && !this.#isHeld(stream))
      .map(({ id }) => id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams.values()) this.#drop(stream);
  }

  #find(id: string): Stream | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined || !this.#isExpired(stream)) return stream;
    this.#drop(stream);
    return undefined;
  }

  #write(stream: Stream, epoch: number, records: readonly LogRecord[]): void {
    for (const record of records) {
      stream.entries.push({ id: { epoch, sequence: stream.entries.length + 1 }, record });
      if (record.type === 'end') stream.ending = { ending: record.ending, at: this.#options.now() };
    }
    stream.bytes += sizeOf(records);
    for (const wake of stream.waiting) wake();
  }

  #isHeld({ lease }: Stream): boolean {
    return lease !== undefined && lease.until > this.#options.now();
  }

  #isExpired({ ending }: Stream): boolean {
    return ending !== undefined && ending.at + this.#options.keepMs <= this.#options.now();
  }

  /** Streams stand by age of creation, and each is kept from its end on: this looks at those that stand first. */
  #dropExpired(): void {
    for (const stream of this.#streams.values()) {
      if (!this.#isExpired(stream)) return;
      this.#drop(stream);
    }
  }

  #dropOldestEnded(): boolean {
    for (const stream of this.#streams.values()) {
      if (stream.ending === undefined) continue;
      this.#drop(stream);
      return true;
    }
    return false;
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream.id);
    if (stream.idempotencyKey !== undefined) this.#keys.delete(stream.idempotencyKey);
    for (const wake of stream.waiting) wake();
  }
}

function tailOf({ entries }: Stream): EntryId {
  return entries.at(-1)?.id ?? logStart;
}

/** Characters of what can be long, and a flat sum for the rest of a record. */
function sizeOf(records: readonly LogRecord[]): number {
  let size = 0;
  for (const record of records) {
    size += 128;
    if (record.type === 'event') size += record.data.length;
    if (record.type === 'open') size += record.request.length;
  }
  return size;
}
