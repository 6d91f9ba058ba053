// The last entries of one log in memory: those that are in the journal alone, and before them those of the last
// chunk. Whoever follows a stream reads them here.

import type { LogEntry } from './stream-log.ts';

export class RecentEntries {
  /** Of the stream. */
  readonly number: number;
  readonly #entries: LogEntry[] = [];
  readonly #sizes: number[] = [];
  /** The sequence before the first entry held. */
  #before: number;
  /** The sequence of the last entry that is in a chunk. */
  #chunkedTo: number;
  /** The records that are in no chunk yet, each batch as JSON without its brackets. */
  #texts: string[] = [];
  #newBytes = 0;
  #oldBytes = 0;
  /** The row of the journal that holds the first of them. */
  #firstRow = 0;

  /** Begins behind the entry `sequence`, the last of the last chunk. */
  constructor(number: number, sequence: number) {
    this.number = number;
    this.#before = sequence;
    this.#chunkedTo = sequence;
  }

  get before(): number {
    return this.#before;
  }

  get sequence(): number {
    return this.#before + this.#entries.length;
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

  /** Adds a batch: its entries, and how the journal has it. */
  push(
    entries: readonly LogEntry[],
    { sizes, row, text }: { sizes: readonly number[]; row: number; text: string },
  ): void {
    if (this.#texts.length === 0) this.#firstRow = row;
    this.#texts.push(text.slice(1, -1));
    for (const [index, entry] of entries.entries()) {
      const size = sizes[index] ?? 0;
      this.#entries.push(entry);
      this.#sizes.push(size);
      this.#newBytes += size;
    }
  }

  /** The entries behind `after`, which must be `before` or later, up to the place `end` of `sizes`. */
  slice(after: number, end?: number): LogEntry[] {
    return this.#entries.slice(after - this.#before, end);
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
    this.#texts = [];
    this.#oldBytes = this.#newBytes;
    this.#newBytes = 0;
    return chunk;
  }

  /** Lets go of the entries that are in a chunk. */
  forgetOld(): void {
    const count = this.#chunkedTo - this.#before;
    this.#entries.splice(0, count);
    this.#sizes.splice(0, count);
    this.#before = this.#chunkedTo;
    this.#oldBytes = 0;
  }
}
