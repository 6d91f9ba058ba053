// Writes the records of one producer to the end of its log, for as long as the stream is this producer's.

import type { AppendResult, EntryId, LogRecord, StreamLog } from '../storage/index.ts';
import { logFull } from './last-words.ts';
import { storageErrorOf, withStore } from './storage-error.ts';
import type { StorageError } from './storage-error.ts';

export interface LogWriterOptions {
  readonly id: string;
  readonly log: StreamLog;
}

export interface LogWriterHooks {
  /** These records are in the log. */
  readonly onWritten: (records: readonly LogRecord[]) => void;
  /** Somebody has asked for a stop. */
  readonly onStop: () => void;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #hooks: LogWriterHooks;
  #tail: EntryId = { epoch: 0, sequence: 0 };

  constructor(options: LogWriterOptions, hooks: LogWriterHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  /** The last entry of this producer, or the one before its first. */
  get tail(): EntryId {
    return this.#tail;
  }

  /** The stream is this producer's from here on. */
  begin(tail: EntryId): void {
    this.#tail = tail;
  }

  /** False when the log takes no more from this producer; an ending that is due then is written. Rejects with
   * StorageError. */
  append(records: readonly LogRecord[]): Promise<boolean> {
    const { id, log } = this.#options;
    // Not async: every event comes by here.
    return log
      .append(id, { after: this.#tail, records })
      .then((result) => this.#take(result, records), this.#fail);
  }

  /** Readers wait for an ending: a store that failed once may take it all the same. False when nobody will write one.
   * Rejects with StorageError. */
  async endAfterFailure({ ending }: StorageError): Promise<boolean> {
    const records: LogRecord[] = [{ type: 'end', ending }];
    const result = await this.#writeEnd(records, this.#tail);
    if (result.type !== 'fenced') return true;
    if (result.tail.epoch !== this.#tail.epoch) return false;
    // What seemed to fail was written after all.
    return (await this.#writeEnd(records, result.tail)).type !== 'fenced';
  }

  readonly #fail = (cause: unknown): never => {
    throw storageErrorOf(`append to the stream ${this.#options.id}`, cause);
  };

  #take(result: AppendResult, records: readonly LogRecord[]): boolean | Promise<boolean> {
    const { onWritten, onStop } = this.#hooks;
    if (result.type === 'full') return this.#writeEnd([logFull], this.#tail).then(() => false);
    if (result.type !== 'appended') return false;
    this.#tail = result.tail;
    onWritten(records);
    if (result.stopRequested) onStop();
    return true;
  }

  async #writeEnd(records: readonly LogRecord[], after: EntryId): Promise<AppendResult> {
    const { id, log } = this.#options;
    const result = await withStore(`append to the stream ${id}`, () => log.append(id, { after, records }));
    if (result.type === 'appended') this.#hooks.onWritten(records);
    return result;
  }
}
