// What one process knows of all its streams, and the rules by which they change: who may write what, what has room,
// what is dropped when. Synchronous and without entries: those are the backend's, which is told of each change as it
// is made. So a backend that can take changes back together does so for entries and book alike.

import { isSameEntry, logStart } from './entry-id.ts';
import type { EntryId } from './entry-id.ts';
import type { AttemptRecord, LogEnding, LogRecord } from './log-record.ts';
import { sizeOf } from './record-size.ts';
import type {
  AcquireResult,
  Append,
  AppendResult,
  CreateResult,
  MadeResult,
  NewStream,
  StreamState,
} from './stream-log.ts';

export interface StreamBookOptions {
  readonly maxStreams: number;
  readonly maxLogBytes: number;
  readonly maxTotalBytes: number;
  readonly keepMs: number;
  readonly now: () => number;
}

export interface BookedStream {
  readonly id: string;
  readonly owner: string;
  readonly createdAt: number;
  /** Owner and idempotency key in one. */
  readonly key: string | undefined;
  /** Owner and conversation in one. */
  readonly conversation: string | undefined;
  /** The epochs of the log, rising, each from its first entry on. The first is that of `open`, each later one that
   * of an `attempt`. */
  epochs: readonly EpochStart[];
  /** Of the last entry. */
  sequence: number;
  bytes: number;
  stopRequested: boolean;
  ended: { readonly ending: LogEnding; readonly at: number } | undefined;
}

export interface EpochStart {
  readonly epoch: number;
  readonly first: number;
}

/** New entries: they follow the stream's `sequence`, in its last epoch. */
export interface NewEntries {
  readonly records: readonly LogRecord[];
  /** The bytes of each. */
  readonly sizes: readonly number[];
}

/** Where a book's entries are. Each method is called in the middle of the change it belongs to. */
export interface BookBackend {
  append(stream: BookedStream, entries: NewEntries): void;
  /** What the book says of the stream is new, or other than before; its `sequence` and `bytes` are not told of until
   * it has ended. */
  save(stream: BookedStream): void;
  drop(stream: BookedStream): void;
  /** The request of the `open` record. */
  requestOf(stream: BookedStream): string;
}

/** How many logs that have run out one call drops, so that none is held up for long. */
const dropsAtOnce = 100;

export class StreamBook {
  readonly #backend: BookBackend;
  readonly #options: StreamBookOptions;
  readonly #streams = new Map<string, BookedStream>();
  /** The streams that have ended, in the order of their ends: every one is kept for the same time, so those that
   * have run out stand first. */
  readonly #ended = new Set<BookedStream>();
  #endedBytes = 0;
  /** No stream has ended later. */
  #lastEndAt = -Infinity;
  readonly #idOfKey = new Map<string, string>();
  /** The ids of each conversation's streams, in the order in which they were made. */
  readonly #idsOfConversation = new Map<string, string[]>();
  /** By stream. Theirs is this process's time: a book that is restored keeps them. */
  readonly #leases = new Map<string, { readonly producer: string; readonly until: number }>();
  #totalBytes = 0;

  constructor(backend: BookBackend, options: StreamBookOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** The bytes of all logs that are held now. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Begins anew with these streams, in the order in which they were made. */
  restore(streams: Iterable<BookedStream>): void {
    this.#streams.clear();
    this.#ended.clear();
    this.#idOfKey.clear();
    this.#idsOfConversation.clear();
    this.#totalBytes = 0;
    this.#endedBytes = 0;
    this.#lastEndAt = -Infinity;
    for (const stream of streams) this.#add(stream);
    const ended = [...this.#streams.values()].filter((stream) => stream.ended !== undefined);
    for (const stream of ended.toSorted((a, b) => endOf(a) - endOf(b))) this.#addEnded(stream);
    for (const id of this.#leases.keys()) if (!this.#streams.has(id)) this.#leases.delete(id);
  }

  /** Throws a RangeError when the id is in use. */
  create({ id, open, idempotencyKey }: NewStream): CreateResult {
    const made = this.made({ open, idempotencyKey });
    if (made !== undefined) return made;
    const key = nameOf(open.owner, idempotencyKey);
    if (this.#streams.has(id)) throw new RangeError(`Cannot create the stream "${id}": the id is in use`);
    const sizes = [sizeOf(open)];
    if (!this.#canHold(sum(sizes))) return { type: 'full' };
    if (this.#streams.size >= this.#options.maxStreams && !this.#dropOldestEnded()) return { type: 'full' };
    this.#makeRoom(sum(sizes));
    const epochs = [{ epoch: this.#options.now(), first: 1 }];
    const { owner, createdAt } = open;
    const conversation = nameOf(owner, open.conversation);
    const empty = { sequence: 0, bytes: 0, stopRequested: false, ended: undefined };
    const stream: BookedStream = { id, owner, createdAt, key, conversation, epochs, ...empty };
    this.#add(stream);
    this.#backend.save(stream);
    this.#write(stream, { records: [open], sizes });
    return { type: 'created' };
  }

  made({ open, idempotencyKey }: Omit<NewStream, 'id'>): MadeResult | undefined {
    this.dropExpired();
    const key = nameOf(open.owner, idempotencyKey);
    const made = key === undefined ? undefined : this.find(this.#idOfKey.get(key) ?? '');
    if (made === undefined) return undefined;
    return this.#backend.requestOf(made) === open.request
      ? { type: 'exists', id: made.id }
      : { type: 'conflict' };
  }

  acquire(id: string, producer: string, leaseMs: number): AcquireResult {
    const stream = this.find(id);
    if (stream === undefined) return { type: 'gone' };
    if (stream.ended !== undefined) return { type: 'ended' };
    const now = this.#options.now();
    if (this.#isHeld(stream)) return { type: 'held' };
    if (stream.stopRequested) {
      this.#writeStopped(stream);
      return { type: 'ended' };
    }
    this.#leases.set(id, { producer, until: now + leaseMs });
    const attempt: AttemptRecord = { type: 'attempt', number: stream.epochs.length, producer };
    // Taken from the clock and above the last: an epoch is never used twice, so no two logs share an entry id.
    const epoch = Math.max(tailOf(stream).epoch + 1, now);
    stream.epochs = stream.epochs.concat({ epoch, first: stream.sequence + 1 });
    this.#write(stream, { records: [attempt], sizes: [sizeOf(attempt)] });
    this.#backend.save(stream);
    return { type: 'acquired', tail: tailOf(stream), attempt };
  }

  renew(id: string, producer: string, leaseMs: number): { held: boolean; stopRequested: boolean } {
    const stream = this.find(id);
    const held = this.#leases.get(id)?.producer === producer && stream?.ended === undefined;
    if (held) this.#leases.set(id, { producer, until: this.#options.now() + leaseMs });
    return { held, stopRequested: stream?.stopRequested ?? false };
  }

  release(id: string, producer: string): void {
    if (this.#leases.get(id)?.producer === producer) this.#leases.delete(id);
  }

  append(id: string, { after, records }: Append): AppendResult {
    const stream = this.find(id);
    if (stream === undefined) return { type: 'gone' };
    if (stream.ended !== undefined) return { type: 'ended' };
    const tail = tailOf(stream);
    if (!isSameEntry(tail, after)) return { type: 'fenced', tail };
    const sizes = records.map(sizeOf);
    const isEnd = records.length === 1 && records[0]?.type === 'end';
    if (!isEnd && !this.#hasRoom(stream, sum(sizes))) return { type: 'full' };
    this.#write(stream, { records, sizes });
    return { type: 'appended', tail: tailOf(stream), stopRequested: stream.stopRequested };
  }

  requestStop(id: string): 'requested' | 'ended' | 'gone' {
    const stream = this.find(id);
    if (stream === undefined) return 'gone';
    if (stream.ended !== undefined) return 'ended';
    stream.stopRequested = true;
    if (this.#isHeld(stream)) this.#backend.save(stream);
    else this.#writeStopped(stream);
    return 'requested';
  }

  state(id: string): StreamState | undefined {
    const stream = this.find(id);
    if (stream === undefined) return undefined;
    const { owner, createdAt, ended } = stream;
    return { id, owner, createdAt, tail: tailOf(stream), ending: ended?.ending };
  }

  newest(owner: string, conversation: string): string | undefined {
    const ids = this.#idsOfConversation.get(nameOf(owner, conversation) ?? '');
    return ids?.findLast((id) => this.find(id) !== undefined);
  }

  delete(id: string): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  abandoned(): string[] {
    return [...this.#streams.values()]
      .filter((stream) => stream.ended === undefined && !this.#isHeld(stream))
      .map(({ id }) => id);
  }

  /** Undefined also for a log that has run out, whether or not it is dropped yet. */
  find(id: string): BookedStream | undefined {
    const stream = this.#streams.get(id);
    return stream === undefined || this.#isExpired(stream) ? undefined : stream;
  }

  /** Drops logs that have run out, some at a time; false when no more are left. */
  dropExpired(): boolean {
    let left = dropsAtOnce;
    for (const stream of this.#ended) {
      if (!this.#isExpired(stream)) return false;
      if (left === 0) return true;
      left -= 1;
      this.#drop(stream);
    }
    return false;
  }

  #add(stream: BookedStream): void {
    this.#streams.set(stream.id, stream);
    this.#totalBytes += stream.bytes;
    if (stream.key !== undefined) this.#idOfKey.set(stream.key, stream.id);
    if (stream.conversation === undefined) return;
    const ids = this.#idsOfConversation.get(stream.conversation);
    if (ids === undefined) this.#idsOfConversation.set(stream.conversation, [stream.id]);
    else ids.push(stream.id);
  }

  #write(stream: BookedStream, entries: NewEntries): void {
    this.#backend.append(stream, entries);
    const bytes = sum(entries.sizes);
    stream.sequence += entries.records.length;
    stream.bytes += bytes;
    this.#totalBytes += bytes;
    const last = entries.records.at(-1);
    if (last?.type !== 'end') return;
    this.#setBackClock();
    stream.ended = { ending: last.ending, at: this.#options.now() };
    this.#addEnded(stream);
    this.#leases.delete(stream.id);
    this.#backend.save(stream);
  }

  #writeStopped(stream: BookedStream): void {
    const end = { type: 'end', ending: { type: 'stopped' } } as const;
    this.#write(stream, { records: [end], sizes: [sizeOf(end)] });
  }

  #addEnded(stream: BookedStream): void {
    this.#ended.add(stream);
    this.#endedBytes += stream.bytes;
    this.#lastEndAt = endOf(stream);
  }

  /** What ended by a clock that was ahead has ended now: it would be kept for too long, and all behind it with it. */
  #setBackClock(): void {
    const now = this.#options.now();
    if (now >= this.#lastEndAt) return;
    for (const stream of this.#ended) {
      if (stream.ended === undefined || stream.ended.at <= now) continue;
      stream.ended = { ...stream.ended, at: now };
      this.#backend.save(stream);
    }
  }

  #hasRoom(stream: BookedStream, size: number): boolean {
    if (stream.bytes + size > this.#options.maxLogBytes || !this.#canHold(size)) return false;
    this.#makeRoom(size);
    return true;
  }

  /** Whether `size` more bytes fit when no ended stream is left. */
  #canHold(size: number): boolean {
    return this.#totalBytes - this.#endedBytes + size <= this.#options.maxTotalBytes;
  }

  /** Drops ended streams, the oldest first, until `size` more bytes fit, which they can. */
  #makeRoom(size: number): void {
    while (this.#totalBytes + size > this.#options.maxTotalBytes && this.#dropOldestEnded());
  }

  #isHeld({ id }: BookedStream): boolean {
    const lease = this.#leases.get(id);
    return lease !== undefined && lease.until > this.#options.now();
  }

  #isExpired({ ended }: BookedStream): boolean {
    return ended !== undefined && ended.at + this.#options.keepMs <= this.#options.now();
  }

  #dropOldestEnded(): boolean {
    const [oldest] = this.#ended;
    if (oldest === undefined) return false;
    this.#drop(oldest);
    return true;
  }

  #drop(stream: BookedStream): void {
    this.#streams.delete(stream.id);
    if (this.#ended.delete(stream)) this.#endedBytes -= stream.bytes;
    this.#leases.delete(stream.id);
    this.#totalBytes -= stream.bytes;
    if (stream.key !== undefined) this.#idOfKey.delete(stream.key);
    this.#leaveConversation(stream);
    this.#backend.drop(stream);
  }

  #leaveConversation({ id, conversation = '' }: BookedStream): void {
    const ids = this.#idsOfConversation.get(conversation);
    if (ids === undefined) return;
    ids.splice(ids.indexOf(id), 1);
    if (ids.length === 0) this.#idsOfConversation.delete(conversation);
  }
}

/** A name that an owner gave, and that another owner may give as well. */
function nameOf(owner: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : JSON.stringify([owner, name]);
}

function endOf({ ended }: BookedStream): number {
  return ended?.at ?? 0;
}

function tailOf(stream: BookedStream): EntryId {
  return entryIdAt(stream, stream.sequence);
}

/** The id of the entry with this sequence, which the log must have; 0 for its start. */
export function entryIdAt({ epochs }: BookedStream, sequence: number): EntryId {
  for (let index = epochs.length - 1; index >= 0; index -= 1) {
    const { epoch, first } = epochs[index] as EpochStart;
    if (first <= sequence) return { epoch, sequence };
  }
  return logStart;
}

/** Whether the log has this entry, or it is the log's start. */
export function hasEntry(stream: BookedStream, id: EntryId): boolean {
  return id.sequence <= stream.sequence && isSameEntry(entryIdAt(stream, id.sequence), id);
}

function sum(sizes: readonly number[]): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}
