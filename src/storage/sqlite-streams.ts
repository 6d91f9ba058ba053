// The rows of the streams themselves: all but their entries.

import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { LogEnding } from './log-record.ts';
import type { BookedStream, EpochStart } from './stream-book.ts';

export class SqliteStreams {
  readonly #selectAll: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #numbers = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.#selectAll = database.prepare('SELECT * FROM stream ORDER BY number');
    this.#insert = database.prepare(
      `INSERT INTO stream (id, owner, created_at, key, conversation, epochs, stop_requested, sequence, bytes)
       VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0)`,
    );
    this.#update = database.prepare(
      `UPDATE stream SET epochs = ?, stop_requested = ?, sequence = ?, bytes = ?, ended_at = ?, ending = ?
       WHERE number = ?`,
    );
    this.#delete = database.prepare('DELETE FROM stream WHERE number = ?');
  }

  /** All streams by their numbers, in the order in which they were made. Of an open one `sequence` and `bytes` are
   * 0. */
  load(): Map<number, BookedStream> {
    this.#numbers.clear();
    const streams = new Map<number, BookedStream>();
    for (const row of this.#selectAll.iterate()) {
      const number = Number(row['number']);
      const stream = toStream(row);
      this.#numbers.set(stream.id, number);
      streams.set(number, stream);
    }
    return streams;
  }

  /** Of a stream that was saved. */
  numberOf({ id }: BookedStream): number {
    const number = this.#numbers.get(id);
    if (number === undefined) throw new TypeError(`Cannot find the stream "${id}": it was never saved`);
    return number;
  }

  save(stream: BookedStream): void {
    const { id, epochs, stopRequested, sequence, bytes, ended } = stream;
    const starts = JSON.stringify(epochs);
    const number = this.#numbers.get(id);
    if (number === undefined) {
      const { owner, createdAt, key = null, conversation = null } = stream;
      const { lastInsertRowid } = this.#insert.run(id, owner, createdAt, key, conversation, starts);
      this.#numbers.set(id, Number(lastInsertRowid));
      return;
    }
    const ending = ended === undefined ? null : JSON.stringify(ended.ending);
    this.#update.run(starts, stopRequested ? 1 : 0, sequence, bytes, ended?.at ?? null, ending, number);
  }

  drop(stream: BookedStream): void {
    this.#delete.run(this.numberOf(stream));
    this.#numbers.delete(stream.id);
  }
}

function toStream(row: Record<string, SQLOutputValue>): BookedStream {
  const ended = row['ended_at'];
  const isEnded = ended !== null;
  return {
    id: String(row['id']),
    owner: String(row['owner']),
    createdAt: Number(row['created_at']),
    key: textOf(row['key']),
    conversation: textOf(row['conversation']),
    epochs: JSON.parse(String(row['epochs'])) as EpochStart[],
    stopRequested: row['stop_requested'] === 1,
    sequence: isEnded ? Number(row['sequence']) : 0,
    bytes: isEnded ? Number(row['bytes']) : 0,
    ended: isEnded
      ? { ending: JSON.parse(String(row['ending'])) as LogEnding, at: Number(ended) }
      : undefined,
  };
}

function textOf(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
