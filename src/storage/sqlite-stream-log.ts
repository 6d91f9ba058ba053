// Logs in one SQLite file, for the one process that has it open: they outlive it, however it ends.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ConversationLimits, ConversationStore } from './conversation-store.ts';
import { logStart } from './entry-id.ts';
import type { EntryId } from './entry-id.ts';
import { openSqliteFile } from './open-sqlite-file.ts';
import { SqliteConversations } from './sqlite-conversations.ts';
import type { StoreAccess } from './sqlite-conversations.ts';
import type { QuotaStore } from './quota-store.ts';
import { SqliteEntries } from './sqlite-entries.ts';
import { toStoreError } from './sqlite-error.ts';
import { SqliteQuotas } from './sqlite-quotas.ts';
import { SqliteStreams } from './sqlite-streams.ts';
import { StoreError } from './store-error.ts';
import { hasEntry, StreamBook } from './stream-book.ts';
import type { BookedStream, NewEntries } from './stream-book.ts';
import type { AcquireResult, Append, AppendResult, CreateResult, MadeResult } from './stream-log.ts';
import type { NewStream, ReadLimits, ReadResult, StreamLog, StreamState } from './stream-log.ts';
import { TurnCommit } from './turn-commit.ts';
import { WaitingReaders } from './waiting-readers.ts';

export interface SqliteStreamLogOptions extends Partial<ConversationLimits> {
  /** The most streams held; default 10,000. Past it the oldest ended one goes; with none ended `create` is full. */
  maxStreams?: number;
  /** The most bytes of one log, its request included; default 64 MiB. Past it `append` is full. */
  maxLogBytes?: number;
  /** The most bytes of all logs together, counted as in memory, which is more than they take in the file; default
   * 1 GiB. Past it the oldest ended one goes; with none ended `create` and `append` are full. */
  maxTotalBytes?: number;
  /** The most bytes of the file, its -wal aside; by default as many as the disk has. Past it writing is `disk_full`. */
  maxFileBytes?: number;
  /** How long a log is kept after its end, in milliseconds; default 24 h. */
  keepMs?: number;
  /** Milliseconds since 1970; the clock of leases, epochs and keeping. */
  now?: () => number;
  /** Told when what has run out cannot be deleted; it is tried again. */
  onError?: (error: StoreError) => void;
}

const defaults = {
  maxStreams: 10_000,
  maxLogBytes: 64 * 1024 * 1024,
  maxTotalBytes: 1024 * 1024 * 1024,
  maxFileBytes: Infinity,
  keepMs: 24 * 60 * 60 * 1000,
  now: Date.now,
  onError: () => undefined,
};

/** How often what has run out is looked for, and how soon the next step follows when there is more to delete. */
const tidyMs = { idle: 10_000, busy: 50 };

/** Pages given back to the system in one step: a quarter of a megabyte. */
const vacuumPages = 64;

export class SqliteStreamLog implements StreamLog {
  readonly outlivesProcess = true;
  /** Kept in the same file. */
  readonly conversations: ConversationStore;
  /** Kept in the same file. */
  readonly quotas: QuotaStore;
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #onError: (error: StoreError) => void;
  readonly #streams: SqliteStreams;
  readonly #entries: SqliteEntries;
  readonly #book: StreamBook;
  readonly #turns: TurnCommit;
  readonly #readers = new WaitingReaders();
  /** The streams of this turn whose readers are to be woken. */
  readonly #changed = new Set<string>();
  /** Numbers of dropped streams whose chunks are still there. */
  #dropped: number[] = [];
  readonly #insertDropped: StatementSync;
  readonly #deleteDropped: StatementSync;
  #tidyTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(file: string, database: DatabaseSync, options: SqliteStreamLogOptions) {
    this.#file = file;
    const settings = { ...defaults, ...options };
    this.#onError = settings.onError;
    this.#database = database;
    this.#streams = new SqliteStreams(database);
    this.#entries = new SqliteEntries(database, file);
    this.#insertDropped = database.prepare('INSERT INTO dropped (stream) VALUES (?)');
    this.#deleteDropped = database.prepare('DELETE FROM dropped WHERE stream = ?');
    const backend = {
      append: (stream: BookedStream, entries: NewEntries) => this.#append(stream, entries),
      save: (stream: BookedStream) => this.#streams.save(stream),
      drop: (stream: BookedStream) => this.#drop(stream),
      requestOf: (stream: BookedStream) => this.#requestOf(stream),
    };
    this.#book = new StreamBook(backend, settings);
    this.#turns = new TurnCommit({
      database,
      beforeCommit: () => this.#entries.writeTurn(),
      onCommit: () => this.#wakeReaders(),
      onRollback: () => this.#load(),
      toError: (error) => toStoreError(error, file),
    });
    const access: StoreAccess = { change: this.#change.bind(this), look: this.#look.bind(this) };
    this.conversations = new SqliteConversations(database, access, options);
    this.quotas = new SqliteQuotas(database, access);
  }

  /**
   * Opens the store in this file; makes file and folder where there are none. Closing it gives the file free.
   *
   * The file's streams are held by nobody, whatever lease they had: who had one was this file's process before.
   *
   * Throws a StoreError: `store_in_use`, `store_not_opened`, `store_foreign`, `store_too_new`, `store_damaged`.
   */
  static open(file: string, options: SqliteStreamLogOptions = {}): SqliteStreamLog {
    const database = openSqliteFile(file, { ...defaults, ...options });
    try {
      const log = new SqliteStreamLog(file, database, options);
      log.#load();
      log.#tidyLater(tidyMs.busy);
      return log;
    } catch (error) {
      database.close();
      throw toStoreError(error, file);
    }
  }

  /** The bytes of all logs that are held now. */
  get totalBytes(): number {
    return this.#book.totalBytes;
  }

  create(stream: NewStream): Promise<CreateResult> {
    return this.#change(() => this.#book.create(stream));
  }

  made(stream: Omit<NewStream, 'id'>): Promise<MadeResult | undefined> {
    return this.#change(() => this.#book.made(stream));
  }

  acquire(id: string, producer: string, leaseMs: number): Promise<AcquireResult> {
    return this.#change(() => this.#book.acquire(id, producer, leaseMs));
  }

  renew(id: string, producer: string, leaseMs: number): Promise<{ held: boolean; stopRequested: boolean }> {
    return this.#look(() => this.#book.renew(id, producer, leaseMs));
  }

  release(id: string, producer: string): Promise<void> {
    return this.#look(() => this.#book.release(id, producer));
  }

  append(id: string, append: Append): Promise<AppendResult> {
    return this.#change(() => this.#book.append(id, append));
  }

  read(id: string, after: EntryId, limits: ReadLimits): ReadResult | Promise<ReadResult> {
    try {
      this.#prepareLook();
      const stream = this.#book.find(id);
      if (stream === undefined) return { type: 'gone' };
      if (!hasEntry(stream, after)) return { type: 'diverged', from: logStart };
      const number = this.#streams.numberOf(stream);
      const entries = this.#entries.read(number, stream, { after: after.sequence, limits });
      const reachesTail = after.sequence + entries.length === stream.sequence;
      return { type: 'entries', entries, ended: stream.ended !== undefined && reachesTail };
    } catch (error) {
      return Promise.reject(toStoreError(error, this.#file));
    }
  }

  wait(id: string, after: EntryId, signal: AbortSignal): Promise<void> {
    try {
      this.#prepareLook();
      // In one go: an entry that comes in between would not wake it.
      const stream = this.#book.find(id);
      const mustWait =
        stream !== undefined && stream.ended === undefined && stream.sequence <= after.sequence;
      return mustWait && !signal.aborted ? this.#readers.wait(id, signal) : Promise.resolve();
    } catch (error) {
      return Promise.reject(toStoreError(error, this.#file));
    }
  }

  state(id: string): Promise<StreamState | undefined> {
    return this.#look(() => this.#book.state(id));
  }

  newest(owner: string, conversation: string): Promise<string | undefined> {
    return this.#look(() => this.#book.newest(owner, conversation));
  }

  requestStop(id: string): Promise<'requested' | 'ended' | 'gone'> {
    return this.#change(() => this.#book.requestStop(id));
  }

  delete(id: string): Promise<void> {
    return this.#change(() => this.#book.delete(id));
  }

  held(): Promise<{ streams: number; bytes: number }> {
    return this.#look(() => ({ streams: this.#book.streamCount, bytes: this.#book.totalBytes }));
  }

  abandoned(): Promise<readonly string[]> {
    return this.#look(() => this.#book.abandoned());
  }

  /** Commits what waits, closes the file and gives it free. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    clearTimeout(this.#tidyTimer);
    this.#turns.flush();
    this.#isClosed = true;
    this.#database.close();
    this.#readers.wakeAll();
  }

  /** Rejects with a StoreError, and with a RangeError of `work`. */
  #change<Result>(work: () => Result): Promise<Result> {
    if (this.#isClosed) return Promise.reject(this.#closedError());
    return this.#turns.run(work);
  }

  /** Rejects with a StoreError. */
  async #look<Result>(work: () => Result): Promise<Result> {
    try {
      this.#prepareLook();
      return work();
    } catch (error) {
      throw toStoreError(error, this.#file);
    }
  }

  /** What is looked at is committed: between turns memory holds nothing else. Throws a StoreError. */
  #prepareLook(): void {
    if (this.#isClosed) throw this.#closedError();
    this.#turns.heal();
  }

  #closedError(): StoreError {
    return new StoreError('store_closed', this.#file);
  }

  #load(): void {
    const streams = this.#streams.load();
    this.#entries.load(streams);
    this.#book.restore(streams.values());
    const rows = this.#database.prepare('SELECT stream FROM dropped').all();
    this.#dropped = rows.map(({ stream }) => Number(stream));
    this.#changed.clear();
    this.#readers.wakeAll();
  }

  #append(stream: BookedStream, entries: NewEntries): void {
    this.#entries.append(this.#streams.numberOf(stream), stream, entries);
    this.#changed.add(stream.id);
  }

  /** The stream is gone at once; its chunks are deleted step by step. */
  #drop(stream: BookedStream): void {
    const number = this.#streams.numberOf(stream);
    this.#streams.drop(stream);
    this.#entries.forget(number);
    this.#insertDropped.run(number);
    this.#dropped.push(number);
    this.#changed.add(stream.id);
  }

  #requestOf(stream: BookedStream): string {
    const limits = { maxEntries: 1, maxBytes: 0 };
    const [first] = this.#entries.read(this.#streams.numberOf(stream), stream, { after: 0, limits });
    return first?.record.type === 'open' ? first.record.request : '';
  }

  #wakeReaders(): void {
    for (const id of this.#changed) this.#readers.wake(id);
    this.#changed.clear();
  }

  #tidyLater(ms: number): void {
    // No reason to keep a process alive.
    this.#tidyTimer = setTimeout(() => void this.#tidy(), ms).unref();
  }

  async #tidy(): Promise<void> {
    let hasMore = false;
    try {
      hasMore = await this.#change(() => this.#deleteSome());
    } catch (error) {
      this.#onError(toStoreError(error, this.#file));
    }
    if (!this.#isClosed) this.#tidyLater(hasMore ? tidyMs.busy : tidyMs.idle);
  }

  /** One step; false when nothing is left to do. */
  #deleteSome(): boolean {
    const hasExpired = this.#book.dropExpired();
    const [number] = this.#dropped;
    if (number === undefined) return hasExpired || this.#entries.pruneSome() || this.#shrink();
    if (this.#entries.deleteSome(number)) return true;
    this.#deleteDropped.run(number);
    this.#dropped.shift();
    return true;
  }

  /** Gives pages back to the system while a quarter of the file is free; what is left is written anew. */
  #shrink(): boolean {
    const valueOf = (name: string): number =>
      Number(Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
    const free = valueOf('freelist_count');
    if (free <= vacuumPages || free * 4 < valueOf('page_count')) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${vacuumPages})`);
    return true;
  }
}
