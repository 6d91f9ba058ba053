// Logs in this process's memory: for tests, and for a relay whose streams may end with it.

import { isSameEntry, logStart } from './entry-id.ts';
import type { EntryId } from './entry-id.ts';
import type { AttemptRecord, LogEnding, LogRecord, OpenRecord } from './log-record.ts';
import type { AcquireResult, Append, AppendResult, CreateResult, LogEntry } from './stream-log.ts';
import type { NewStream, ReadLimits, ReadResult, StreamLog, StreamState } from './stream-log.ts';

export interface MemoryStreamLogOptions {
  /** The most streams held; default 10,000. Past it the oldest ended one goes; with none ended `create` is full. */
  maxStreams?: number;
  /** The most bytes of one log, its request included; default 64 MiB. Past it `append` is full. */
  maxLogBytes?: number;
  /** The most bytes of all logs together; default 256 MiB. Past it the oldest ended one goes; with none ended
   * `create` and `append` are full. */
  maxTotalBytes?: number;
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
  /** The bytes of each entry, so that a read does not count them again for every reader. */
  readonly sizes: number[];
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
  maxTotalBytes: 256 * 1024 * 1024,
  keepMs: 24 * 60 * 60 * 1000,
  now: Date.now,
};

export class MemoryStreamLog implements StreamLog {
  readonly #options: Required<MemoryStreamLogOptions>;
  readonly #streams = new Map<string, Stream>();
  /** The streams that have ended, in the order of their ends: every one is kept for the same time, so those that
   * have run out stand first. */
  readonly #ended = new Set<Stream>();
  /** Owner and idempotency key to stream id. */
  readonly #keys = new Map<string, string>();
  #totalBytes = 0;

  constructor(options: MemoryStreamLogOptions = {}) {
    this.#options = { ...defaults, ...options };
  }

  /** The bytes of all logs that are held now. */
  get totalBytes(): number {
    return this.#totalBytes;
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
    if (!this.#makeRoom(sizeOf(open))) return { type: 'full' };
    const stream: Stream = {
      id,
      open,
      idempotencyKey: key,
      entries: [],
      sizes: [],
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
    if (this.#isHeld(stream)) return { type: 'held' };
    if (stream.stopRequested) {
      this.#writeStopped(stream);
      return { type: 'ended' };
    }
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
    const tail = tailOf(stream);
    if (!isSameEntry(tail, after)) return { type: 'fenced', tail };
    const isEnd = records.length === 1 && records[0]?.type === 'end';
    if (!isEnd && !this.#hasRoom(stream, records)) return { type: 'full' };
    this.#write(stream, after.epoch, records);
    return { type: 'appended', tail: tailOf(stream), stopRequested: stream.stopRequested };
  }

  async read(id: string, after: EntryId, limits: ReadLimits): Promise<ReadResult> {
    const stream = this.#find(id);
    if (stream === undefined) return { type: 'gone' };
    const known = after.sequence === 0 ? logStart : stream.entries[after.sequence - 1]?.id;
    if (known === undefined || !isSameEntry(known, after)) return { type: 'diverged', from: logStart };
    const entries = stream.entries.slice(after.sequence, endOfRead(stream, after.sequence, limits));
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
    if (!this.#isHeld(stream)) this.#writeStopped(stream);
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
      const size = sizeOf(record);
      stream.entries.push({ id: { epoch, sequence: stream.entries.length + 1 }, record });
      stream.sizes.push(size);
      stream.bytes += size;
      this.#totalBytes += size;
      if (record.type !== 'end') continue;
      stream.ending = { ending: record.ending, at: this.#options.now() };
      this.#ended.add(stream);
    }
    for (const wake of stream.waiting) wake();
  }

  #writeStopped(stream: Stream): void {
    this.#write(stream, tailOf(stream).epoch, [{ type: 'end', ending: { type: 'stopped' } }]);
  }

  #hasRoom(stream: Stream, records: readonly LogRecord[]): boolean {
    let size = 0;
    for (const record of records) size += sizeOf(record);
    return stream.bytes + size <= this.#options.maxLogBytes && this.#makeRoom(size);
  }

  /** Drops ended streams, the oldest first, until `size` more bytes fit; false when they cannot. */
  #makeRoom(size: number): boolean {
    const { maxTotalBytes } = this.#options;
    if (size > maxTotalBytes) return false;
    while (this.#totalBytes + size > maxTotalBytes) if (!this.#dropOldestEnded()) return false;
    return true;
  }

  #isHeld({ lease }: Stream): boolean {
    return lease !== undefined && lease.until > this.#options.now();
  }

  #isExpired({ ending }: Stream): boolean {
    return ending !== undefined && ending.at + this.#options.keepMs <= this.#options.now();
  }

  #dropExpired(): void {
    for (const stream of this.#ended) {
      if (!this.#isExpired(stream)) return;
      this.#drop(stream);
    }
  }

  #dropOldestEnded(): boolean {
    const [oldest] = this.#ended;
    if (oldest === undefined) return false;
    this.#drop(oldest);
    return true;
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream.id);
    this.#ended.delete(stream);
    this.#totalBytes -= stream.bytes;
    if (stream.idempotencyKey !== undefined) this.#keys.delete(stream.idempotencyKey);
    for (const wake of stream.waiting) wake();
  }
}

function tailOf({ entries }: Stream): EntryId {
  return entries.at(-1)?.id ?? logStart;
}

/** Where a read that begins at `start` stops. */
function endOfRead({ sizes }: Stream, start: number, { maxEntries, maxBytes }: ReadLimits): number {
  const last = Math.min(start + maxEntries, sizes.length);
  let bytes = 0;
  for (let index = start; index < last; index += 1) {
    bytes += sizes[index] ?? 0;
    if (bytes > maxBytes && index > start) return index;
  }
  return last;
}

/** What an entry takes beside its long text, rounded up: the entry, its id, its record, the name of its event and
 * their places. */
const entryBytes = 350;

function sizeOf(record: LogRecord): number {
  return entryBytes + bytesOf(textOf(record));
}

/** What can be long in a record. */
function textOf(record: LogRecord): string {
  if (record.type === 'event') return record.data;
  if (record.type === 'open') return record.request;
  return record.type === 'end' && record.ending.type === 'failed' ? record.ending.message : '';
}

/** A string takes two bytes for each character as soon as one of them needs it. */
function bytesOf(text: string): number {
  return /[\u0100-\uffff]/.test(text) ? 2 * text.length : text.length;
}
