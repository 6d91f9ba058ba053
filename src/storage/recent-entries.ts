// The last entries of one log in memory: those that are in the journal alone, and before them those of the last
// chunk. Whoever follows a stream reads them here. Most readers want the newest at once, and only for these they are
// held as they are read; else they are text. That stays for seconds, and is moved by V8 while it does: one string, not
// ten objects.

import type { LogRecord } from './log-record.ts';
import { entryIdAt } from './stream-book.ts';
import type { BookedStream, NewEntries } from './stream-book.ts';
import type { LogEntry } from './stream-log.ts';

/** New entries, and how the journal has them. */
interface JournalEntries extends NewEntries {
  readonly row: number;
  /** The records as JSON. */
  readonly text: string;
}

const none: readonly LogEntry[] = [];

export class RecentEntries {
  /** Of the stream. */
  readonly number: number;
  readonly #stream: BookedStream;
  /** Of each batch: the sequence of its first entry, and its records as JSON without their brackets. */
  readonly #firsts: number[] = [];
  readonly #texts: string[] = [];
  /** The bytes of each entry. */
  readonly #sizes: number[] = [];
  /** The last batch, until its readers have had the time to read it. */
  #latest = none;
  #latestFirst: number;
  #latestRow = 0;
  /** The sequence before the first entry held. */
  #before: number;
  /** The sequence of the last entry that is in a chunk. */
  #chunkedTo: number;
  /** How many of the batches are in a chunk. */
  #chunkedBatches = 0;
  #newBytes = 0;
  #oldBytes = 0;
  /** The row of the journal that holds the first entry that is in no chunk. */
  #firstRow = 0;

  /** Begins behind the last entry of the stream, which is the last of its last chunk. */
  constructor(number: number, stream: BookedStream) {
    this.number = number;
    this.#stream = stream;
    this.#before = stream.sequence;
    this.#chunkedTo = stream.sequence;
    this.#latestFirst = stream.sequence + 1;
  }

  get before(): number {
    return this.#before;
  }

  get sequence(): number {
    return this.#before + this.#sizes.length;
  }

  /** Of the entries that are in no chunk yet. */
  get newBytes(): number {
    return this.#newBytes;
  }

  /** Of the entries that are in a chunk as well. */
  get oldBytes(): number {
    return this.#oldBytes;
  }

  get firstRow(): number {
    return this.#firstRow;
  }

  /** The bytes of each entry from `before` on. */
  get sizes(): readonly number[] {
    return this.#sizes;
  }

  /** Adds a batch of one entry at least. */
  push({ records, sizes, row, text }: JournalEntries): void {
    const first = this.sequence + 1;
    if (this.#texts.length === this.#chunkedBatches) this.#firstRow = row;
    this.#firsts.push(first);
    this.#texts.push(text.slice(1, -1));
    for (const size of sizes) {
      this.#sizes.push(size);
      this.#newBytes += size;
    }
    this.#latest = this.#entriesOf(records, first);
    this.#latestFirst = first;
    this.#latestRow = row;
  }

  /** Keeps what came before this row of the journal as text alone. */
  forgetEntries(row: number): void {
    if (this.#latestRow >= row) return;
    this.#latest = none;
    this.#latestFirst = this.sequence + 1;
  }

  /** The entries behind `after`, which must be `before` or later, up to the place `end` of `sizes`. */
  slice(after: number, end: number = this.#sizes.length): readonly LogEntry[] {
    const from = after + 1;
    const behind = this.#before + end + 1;
    if (from < this.#latestFirst) return this.#parse(from, behind);
    return this.#latest.slice(from - this.#latestFirst, behind - this.#latestFirst);
  }

  /** Gives the new entries as a chunk, and counts them as old from here on; lets go of older ones. */
  takeChunk(): { first: number; last: number; bytes: number; records: string } {
    this.forgetOld();
    const chunk = {
      first: this.#chunkedTo + 1,
      last: this.sequence,
      bytes: this.#newBytes,
      records: `[${this.#texts.join(',')}]`,
    };
    this.#chunkedTo = chunk.last;
    this.#chunkedBatches = this.#texts.length;
    this.#oldBytes = this.#newBytes;
    this.#newBytes = 0;
    return chunk;
  }

  /** Lets go of the entries that are in a chunk. */
  forgetOld(): void {
    this.#firsts.splice(0, this.#chunkedBatches);
    this.#texts.splice(0, this.#chunkedBatches);
    this.#sizes.splice(0, this.#chunkedTo - this.#before);
    this.#before = this.#chunkedTo;
    this.#chunkedBatches = 0;
    this.#oldBytes = 0;
  }

  /** The entries from `from` on, and before `behind`. */
  #parse(from: number, behind: number): readonly LogEntry[] {
    const start = this.#firsts.findLastIndex((sequence) => sequence <= from);
    const end = this.#firsts.findIndex((sequence) => sequence >= behind);
    const texts = this.#texts.slice(start, end === -1 ? undefined : end);
    const records = JSON.parse(`[${texts.join(',')}]`) as LogRecord[];
    const first = this.#firsts[start] ?? from;
    return this.#entriesOf(records.slice(from - first, behind - first), from);
  }

  #entriesOf(records: readonly LogRecord[], first: number): LogEntry[] {
    return records.map((record, index) => ({ id: entryIdAt(this.#stream, first + index), record }));
  }
}
