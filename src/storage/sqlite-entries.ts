// The entries of all logs in the database, and the last ones of each in memory. The tables are in open-sqlite-file.ts.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LogRecord } from './log-record.ts';
import { RecentEntries } from './recent-entries.ts';
import { endOfRead, sizeOf } from './record-size.ts';
import { entryIdAt } from './stream-book.ts';
import type { BookedStream, NewEntries } from './stream-book.ts';
import type { LogEntry, ReadLimits } from './stream-log.ts';
import { StoreError } from './store-error.ts';

/** How large a chunk grows, counted as a log's bytes; about half of it is text. */
const chunkBytes = 64 * 1024;

/** The most that is held in memory: once of what is in no chunk yet, once of what is. */
const recentBytes = 16 * 1024 * 1024;

/** The most batches the journal holds, roughly: so many are read when the store is opened. */
const journalBatches = 65_536;

/** The most bytes that journal and chunks both have, if no busy stream stands in the way. */
const repeatedBytes = 4 * 1024 * 1024;

/** How many batches of the journal go at once, and how many chunks: a millisecond's work. */
const prunedBatches = 2048;
const deletedChunks = 32;

/** Stream, first sequence, records: consecutive entries of one stream. */
type JournalBatch = readonly [number: number, first: number, records: LogRecord[]];

/** Rows of the journal are numbered by the batches before them. */
export class SqliteEntries {
  readonly #file: string;
  readonly #insertJournal: StatementSync;
  readonly #insertChunk: StatementSync;
  readonly #chunkWith: StatementSync;
  readonly #pruneJournal: StatementSync;
  readonly #selectJournal: StatementSync;
  readonly #selectChunked: StatementSync;
  readonly #deleteChunks: StatementSync;
  readonly #recent = new Map<number, RecentEntries>();
  /** Those with entries that are in no chunk, in the order of their first rows in the journal. */
  readonly #unchunked = new Set<RecentEntries>();
  /** Those with entries that are in a chunk as well, the oldest first. */
  readonly #chunked = new Set<RecentEntries>();
  #unchunkedBytes = 0;
  #chunkedBytes = 0;
  /** Of entries that have become chunks since the journal was pruned. */
  #repeatedBytes = 0;
  /** The batches that came in this turn of the event loop, each as JSON. */
  #turn: string[] = [];
  /** The logs that this turn has appended to, and those of the turn before. */
  #written: RecentEntries[] = [];
  #writtenBefore: RecentEntries[] = [];
  /** The row of the journal that this turn's batches become. */
  #turnRow = 1;
  /** The journal holds no row before it. */
  #firstRow = 1;

  constructor(database: DatabaseSync, file: string) {
    this.#file = file;
    this.#insertJournal = database.prepare('INSERT INTO journal (row, batches) VALUES (?, ?)');
    this.#insertChunk = database.prepare(
      'INSERT INTO chunk (stream, first, last, bytes, records) VALUES (?, ?, ?, ?, ?)',
    );
    this.#chunkWith = database.prepare(
      'SELECT first, last, records FROM chunk WHERE stream = ? AND first <= ? ORDER BY first DESC LIMIT 1',
    );
    this.#pruneJournal = database.prepare('DELETE FROM journal WHERE row < ?');
    this.#selectJournal = database.prepare('SELECT row, batches FROM journal ORDER BY row');
    this.#selectChunked = database.prepare(
      `SELECT stream, max(last) AS last, sum(bytes) AS bytes FROM chunk
       WHERE stream IN (SELECT number FROM stream WHERE ended_at IS NULL) GROUP BY stream`,
    );
    this.#deleteChunks = database.prepare(
      `DELETE FROM chunk WHERE rowid IN (SELECT rowid FROM chunk WHERE stream = ? LIMIT ${deletedChunks})`,
    );
  }

  /** Forgets what is in memory and reads it anew; tells the open streams of these their `sequence` and `bytes`. */
  load(streams: ReadonlyMap<number, BookedStream>): void {
    this.#recent.clear();
    this.#unchunked.clear();
    this.#chunked.clear();
    this.#unchunkedBytes = 0;
    this.#chunkedBytes = 0;
    for (const row of this.#selectChunked.iterate()) {
      const stream = streams.get(Number(row['stream']));
      if (stream === undefined) continue;
      stream.sequence = Number(row['last']);
      stream.bytes = Number(row['bytes']);
    }
    this.#loadJournal(streams);
  }

  /** Nothing of it is on its way to the disk before `writeTurn`. */
  append(number: number, stream: BookedStream, { records, sizes }: NewEntries): void {
    if (records.length === 0) return;
    const text = JSON.stringify(records);
    this.#turn.push(`[${number},${stream.sequence + 1},${text}]`);
    const recent = this.#hold(number, stream, { records, sizes, row: this.#turnRow, text });
    this.#written.push(recent);
    // An ended log is all in chunks: the journal of ended streams is never read.
    if (recent.newBytes >= chunkBytes || records.at(-1)?.type === 'end') this.#toChunk(recent);
    this.#boundJournal();
  }

  /** Writes what was appended since the last time, in one row. */
  writeTurn(): void {
    const batches = this.#turn;
    if (batches.length === 0) return;
    this.#turn = [];
    for (const recent of this.#writtenBefore) recent.forgetEntries(this.#turnRow);
    this.#writtenBefore = this.#written;
    this.#written = [];
    this.#insertJournal.run(this.#turnRow, `[${batches.join(',')}]`);
    this.#turnRow += batches.length;
  }

  /** Reads within the limits. Throws a StoreError when the database does not have what it should. */
  read(
    number: number,
    stream: BookedStream,
    { after, limits }: { after: number; limits: ReadLimits },
  ): readonly LogEntry[] {
    const recent = this.#recent.get(number);
    if (recent !== undefined && after >= recent.before) {
      return recent.slice(after, endOfRead(recent.sizes, after - recent.before, limits));
    }
    const entries: LogEntry[] = [];
    let bytes = 0;
    while (entries.length < limits.maxEntries && after + entries.length < stream.sequence) {
      for (const record of this.#recordsAfter(number, after + entries.length)) {
        bytes += sizeOf(record);
        if (entries.length > 0 && bytes > limits.maxBytes) return entries;
        if (entries.length === limits.maxEntries) return entries;
        entries.push({ id: entryIdAt(stream, after + entries.length + 1), record });
      }
    }
    return entries;
  }

  /** Lets go of what is in memory of a stream that is dropped. */
  forget(number: number): void {
    const recent = this.#recent.get(number);
    if (recent === undefined) return;
    this.#recent.delete(number);
    if (this.#unchunked.delete(recent)) this.#unchunkedBytes -= recent.newBytes;
    if (this.#chunked.delete(recent)) this.#chunkedBytes -= recent.oldBytes;
  }

  /** Deletes rows of the journal that chunks repeat; false when none are left. */
  pruneSome(): boolean {
    const count = Math.min(this.#batchesToPrune(), prunedBatches);
    if (count === 0) return false;
    this.#firstRow += count;
    this.#pruneJournal.run(this.#firstRow);
    this.#repeatedBytes = 0;
    return true;
  }

  /** Deletes some chunks of a stream; false when none are left. */
  deleteSome(number: number): boolean {
    return this.#deleteChunks.run(number).changes !== 0;
  }

  #loadJournal(streams: ReadonlyMap<number, BookedStream>): void {
    this.#turn = [];
    this.#written = [];
    this.#writtenBefore = [];
    this.#turnRow = 1;
    let firstRow: number | undefined;
    for (const { row, batches: text } of this.#selectJournal.iterate()) {
      firstRow ??= Number(row);
      const batches = JSON.parse(String(text)) as JournalBatch[];
      for (const batch of batches) this.#restore(streams.get(batch[0]), Number(row), batch);
      this.#turnRow = Number(row) + batches.length;
    }
    this.#firstRow = firstRow ?? this.#turnRow;
  }

  #restore(stream: BookedStream | undefined, row: number, [number, first, records]: JournalBatch): void {
    const last = first + records.length - 1;
    // Of a stream that has ended all is in chunks, and so may what an open one has in the journal.
    if (stream === undefined || stream.ended !== undefined || last <= stream.sequence) return;
    if (first !== stream.sequence + 1) throw this.#gap(number, stream.sequence + 1);
    const sizes = records.map(sizeOf);
    this.#hold(number, stream, { records, sizes, row, text: JSON.stringify(records) });
    stream.sequence = last;
    for (const size of sizes) stream.bytes += size;
  }

  #hold(
    number: number,
    stream: BookedStream,
    batch: NewEntries & { row: number; text: string },
  ): RecentEntries {
    let recent = this.#recent.get(number);
    if (recent === undefined) this.#recent.set(number, (recent = new RecentEntries(number, stream)));
    const bytesBefore = recent.newBytes;
    recent.push(batch);
    this.#unchunkedBytes += recent.newBytes - bytesBefore;
    this.#unchunked.add(recent);
    return recent;
  }

  #toChunk(recent: RecentEntries): void {
    this.#unchunked.delete(recent);
    this.#unchunkedBytes -= recent.newBytes;
    this.#chunkedBytes -= recent.oldBytes;
    const { first, last, bytes, records } = recent.takeChunk();
    this.#insertChunk.run(recent.number, first, last, bytes, records);
    this.#chunkedBytes += recent.oldBytes;
    this.#chunked.delete(recent);
    this.#chunked.add(recent);
    this.#boundChunked();
    this.#repeatedBytes += bytes;
    // Some pages at least: to delete a few rows costs as much.
    const isDue = this.#batchesToPrune() >= prunedBatches / 4 || this.#repeatedBytes > repeatedBytes;
    if (isDue) this.pruneSome();
  }

  /** The oldest entries in memory that are in a chunk go first. */
  #boundChunked(): void {
    for (const recent of this.#chunked) {
      if (this.#chunkedBytes <= recentBytes) return;
      this.#chunkedBytes -= recent.oldBytes;
      this.#chunked.delete(recent);
      recent.forgetOld();
      if (recent.newBytes === 0) this.#recent.delete(recent.number);
    }
  }

  /** A stream that says little would keep the journal from being pruned. */
  #boundJournal(): void {
    for (const recent of this.#unchunked) {
      const batches = this.#turnRow - recent.firstRow;
      if (this.#unchunkedBytes <= recentBytes && batches <= journalBatches) return;
      this.#toChunk(recent);
    }
  }

  /** How many batches of the journal have nothing that is not in a chunk, up to the first row that has. */
  #batchesToPrune(): number {
    const [oldest] = this.#unchunked;
    return (oldest?.firstRow ?? this.#turnRow) - this.#firstRow;
  }

  /** The records behind `sequence`: those of one chunk, or all that are in memory. */
  #recordsAfter(number: number, sequence: number): readonly LogRecord[] {
    const recent = this.#recent.get(number);
    if (recent !== undefined && sequence >= recent.before) {
      return recent.slice(sequence).map(({ record }) => record);
    }
    const row = this.#chunkWith.get(number, sequence + 1);
    const records = row === undefined ? [] : (JSON.parse(String(row['records'])) as LogRecord[]);
    const first = Number(row?.['first']);
    const behind = records.slice(sequence + 1 - first);
    const isWhole = records.length === Number(row?.['last']) - first + 1;
    if (behind.length === 0 || !isWhole) throw this.#gap(number, sequence + 1);
    return behind;
  }

  #gap(number: number, sequence: number): StoreError {
    return new StoreError('store_damaged', this.#file, {
      reason: `stream ${number} lacks entry ${sequence}`,
    });
  }
}
