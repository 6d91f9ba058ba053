// Logs in this process's memory: for tests, and for a relay whose streams may end with it.

import { logStart } from './entry-id.ts';
import type { EntryId } from './entry-id.ts';
import { endOfRead } from './record-size.ts';
import { entryIdAt, hasEntry, StreamBook } from './stream-book.ts';
import type { BookedStream, NewEntries } from './stream-book.ts';
import type {
  AcquireResult,
  Append,
  AppendResult,
  CreateResult,
  MadeResult,
  LogEntry,
} from './stream-log.ts';
import type { NewStream, ReadLimits, ReadResult, StreamLog, StreamState } from './stream-log.ts';
import { WaitingReaders } from './waiting-readers.ts';

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

interface Entries {
  readonly entries: LogEntry[];
  /** The bytes of each, so that a read does not count them again for every reader. */
  readonly sizes: number[];
}

const defaults = {
  maxStreams: 10_000,
  maxLogBytes: 64 * 1024 * 1024,
  maxTotalBytes: 256 * 1024 * 1024,
  keepMs: 24 * 60 * 60 * 1000,
  now: Date.now,
};

export class MemoryStreamLog implements StreamLog {
  readonly outlivesProcess = false;
  readonly #book: StreamBook;
  readonly #entries = new Map<string, Entries>();
  readonly #readers = new WaitingReaders();

  constructor(options: MemoryStreamLogOptions = {}) {
    const backend = {
      append: (stream: BookedStream, entries: NewEntries) => this.#append(stream, entries),
      save: () => undefined,
      drop: ({ id }: BookedStream) => {
        this.#entries.delete(id);
        this.#readers.wake(id);
      },
      requestOf: ({ id }: BookedStream) => this.#requestOf(id),
    };
    this.#book = new StreamBook(backend, { ...defaults, ...options });
  }

  /** The bytes of all logs that are held now. */
  get totalBytes(): number {
    return this.#book.totalBytes;
  }

  async create(stream: NewStream): Promise<CreateResult> {
    return this.#book.create(stream);
  }

  async made(stream: Omit<NewStream, 'id'>): Promise<MadeResult | undefined> {
    return this.#book.made(stream);
  }

  async acquire(id: string, producer: string, leaseMs: number): Promise<AcquireResult> {
    return this.#book.acquire(id, producer, leaseMs);
  }

  async renew(
    id: string,
    producer: string,
    leaseMs: number,
  ): Promise<{ held: boolean; stopRequested: boolean }> {
    return this.#book.renew(id, producer, leaseMs);
  }

  async release(id: string, producer: string): Promise<void> {
    this.#book.release(id, producer);
  }

  async append(id: string, append: Append): Promise<AppendResult> {
    return this.#book.append(id, append);
  }

  read(id: string, after: EntryId, limits: ReadLimits): ReadResult | Promise<ReadResult> {
    const stream = this.#book.find(id);
    const { entries, sizes } = this.#entries.get(id) ?? { entries: [], sizes: [] };
    if (stream === undefined) return { type: 'gone' };
    if (!hasEntry(stream, after)) return { type: 'diverged', from: logStart };
    const end = endOfRead(sizes, after.sequence, limits);
    const ended = stream.ended !== undefined && end === stream.sequence;
    return { type: 'entries', entries: entries.slice(after.sequence, end), ended };
  }

  async wait(id: string, after: EntryId, signal: AbortSignal): Promise<void> {
    const stream = this.#book.find(id);
    if (stream === undefined || stream.ended !== undefined || signal.aborted) return;
    if (stream.sequence <= after.sequence) await this.#readers.wait(id, signal);
  }

  async state(id: string): Promise<StreamState | undefined> {
    return this.#book.state(id);
  }

  async newest(owner: string, conversation: string): Promise<string | undefined> {
    return this.#book.newest(owner, conversation);
  }

  async requestStop(id: string): Promise<'requested' | 'ended' | 'gone'> {
    return this.#book.requestStop(id);
  }

  async delete(id: string): Promise<void> {
    this.#book.delete(id);
  }

  async held(): Promise<{ streams: number; bytes: number }> {
    return { streams: this.#book.streamCount, bytes: this.#book.totalBytes };
  }

  async abandoned(): Promise<readonly string[]> {
    return this.#book.abandoned();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#book.restore([]);
    this.#entries.clear();
    this.#readers.wakeAll();
  }

  #append(stream: BookedStream, { records, sizes }: NewEntries): void {
    const held = this.#entries.get(stream.id) ?? { entries: [], sizes: [] };
    this.#entries.set(stream.id, held);
    for (const [index, record] of records.entries()) {
      held.entries.push({ id: entryIdAt(stream, stream.sequence + 1 + index), record });
      held.sizes.push(sizes[index] ?? 0);
    }
    // They are woken a turn of microtasks later, when the change is whole.
    this.#readers.wake(stream.id);
  }

  #requestOf(id: string): string {
    const record = this.#entries.get(id)?.entries[0]?.record;
    return record?.type === 'open' ? record.request : '';
  }
}
