// One reader of one log, at its own pace: a generator of text that somebody else puts on a socket. It holds one
// batch of entries and nothing more, so that a reader who does not read costs nobody anything.

import { isSameEntry, logStart } from '../storage/index.ts';
import type { EntryId, LogEntry, ReadResult, StreamLog } from '../storage/index.ts';
import { Silence } from './silence.ts';
import { StorageError, withStore } from './storage-error.ts';

/** Endings that are a reader's alone: the log has another, or none. */
type ReaderErrorCode = 'api_error' | 'log_diverged' | 'storage_failed' | 'storage_full' | 'stream_gone';

/** A format of a stream's log: a pure function from entries to text, with a small state of its own. Throws nothing,
 * whatever a log holds. */
export interface Encoder {
  encode(entry: LogEntry): string;
  /** Said when nothing else has been for a while; never part of the log. */
  ping(): string;
  /** Said when the log is not what the reader has seen: it begins anew. Undefined in a format that cannot take back
   * what it said. */
  reset(from: EntryId): string | undefined;
  /** An ending that is not the log's own, since no connection just closes. */
  failed(code: ReaderErrorCode, message: string): string;
  /** The format needs every entry from the first on, also for a reader who joins later. */
  readonly needsHistory: boolean;
  /** The format has said an ending before the log has one. */
  readonly hasEnded: boolean;
}

export interface ReadOptions {
  readonly id: string;
  readonly after: EntryId;
  readonly signal: AbortSignal;
  /** Aborts when nobody will write the log's end. */
  readonly lost?: AbortSignal | undefined;
  /** The longest silence on the connection, in milliseconds. */
  readonly pingMs: number;
  /** Told of a store that fails; the reader gets an ending. */
  readonly onError: (error: unknown) => void;
}

/** What one reader holds at once, and how long it keeps the event loop: a few milliseconds of encoding. */
const batchLimits = { maxEntries: 256, maxBytes: 256 * 1024 };

/** After so many at once others get their turn. */
const manyEntries = 64;

/** The text of the log from `after` to its end; ends early when the reader has gone. Never throws. */
export async function* readLog(
  log: StreamLog,
  encoder: Encoder,
  options: ReadOptions,
): AsyncGenerator<string, void, undefined> {
  const reader = new LogReader(log, encoder, options);
  try {
    yield* reader.texts();
  } catch (error) {
    options.onError(error);
    yield error instanceof StorageError
      ? encoder.failed(error.code, 'The store could not be read')
      : encoder.failed('api_error', 'Internal server error');
  } finally {
    reader.close();
  }
}

class LogReader {
  readonly #log: StreamLog;
  readonly #encoder: Encoder;
  readonly #options: ReadOptions;
  /** Aborts when the reader has gone, by itself or with its client: every wait of the reader hangs on it. */
  readonly #leaving = new AbortController();
  readonly #leave = (): void => this.#leaving.abort();
  /** Ends the wait that is open. */
  #failWait: ((error: StorageError) => void) | undefined;
  readonly #lose = (): void => this.#failWait?.(this.#withoutEnd());
  readonly #silence: Silence;
  #position: EntryId;
  /** The last sequence the reader has seen: entries up to it are read for the encoder alone. */
  #shownAfter: number;
  /** The wait that a ping interrupted goes on: no more than one is ever open. */
  #waiting: Promise<unknown> | undefined;
  #isOver = false;

  constructor(log: StreamLog, encoder: Encoder, options: ReadOptions) {
    this.#log = log;
    this.#encoder = encoder;
    this.#options = options;
    this.#position = options.after;
    this.#shownAfter = options.after.sequence;
    this.#silence = new Silence(options.pingMs);
    options.signal.addEventListener('abort', this.#leave);
    if (options.signal.aborted) this.#leave();
    options.lost?.addEventListener('abort', this.#lose);
  }

  close(): void {
    this.#options.signal.removeEventListener('abort', this.#leave);
    this.#options.lost?.removeEventListener('abort', this.#lose);
    this.#leave();
    this.#silence.stop();
  }

  async *texts(): AsyncGenerator<string, void, undefined> {
    const { signal } = this.#leaving;
    await this.#findStart();
    while (!signal.aborted) {
      const result = await this.#read(batchLimits);
      const text = this.#textOf(result);
      if (text !== '') yield* this.#say(text);
      if (this.#isOver) return;
      // Reads of a log in memory never wait: without a turn of the loop a long log would hold up everybody else.
      if (result.type === 'entries' && result.entries.length >= manyEntries) await nextTurn();
      // Where there is more already, this does not wait.
      else if (!(await this.#hasEntry())) yield* this.#say(this.#encoder.ping());
    }
  }

  async *#say(text: string): AsyncGenerator<string, void, undefined> {
    yield text;
    this.#silence.restart();
  }

  #read(limits: { maxEntries: number; maxBytes: number }): Promise<ReadResult> {
    const { id } = this.#options;
    return withStore(`read the stream ${id}`, () => this.#log.read(id, this.#position, limits));
  }

  async #findStart(): Promise<void> {
    if (!this.#encoder.needsHistory) return;
    // An offset that the log does not know must lead to a reset, also when reading begins before it.
    const { type } = await this.#read({ maxEntries: 0, maxBytes: 0 });
    if (type === 'entries') this.#position = logStart;
  }

  #textOf(result: ReadResult): string {
    if (result.type === 'diverged') return this.#reset(result.from);
    if (result.type === 'gone') {
      this.#isOver = true;
      return this.#encoder.failed('stream_gone', 'The stream was deleted');
    }
    this.#isOver = result.ended;
    return this.#encodeAll(result.entries);
  }

  #reset(from: EntryId): string {
    if (isSameEntry(from, this.#position))
      throw new StorageError(`Cannot read the stream ${this.#options.id}: it denies where it begins`);
    const text = this.#encoder.reset(from);
    this.#position = this.#encoder.needsHistory ? logStart : from;
    this.#shownAfter = this.#position.sequence;
    this.#isOver = text === undefined;
    return text ?? this.#encoder.failed('log_diverged', 'The stream is not what it was: ask again');
  }

  #encodeAll(entries: readonly LogEntry[]): string {
    const encoder = this.#encoder;
    let text = '';
    for (const entry of entries) {
      const piece = encoder.encode(entry);
      this.#position = entry.id;
      if (piece === '' || entry.id.sequence <= this.#shownAfter) continue;
      text += piece;
      if (!encoder.hasEnded) continue;
      this.#isOver = true;
      break;
    }
    return text;
  }

  /** False when the connection has been silent for too long first. */
  #hasEntry(): Promise<boolean> {
    const { id, lost } = this.#options;
    if (lost?.aborted) return Promise.reject(this.#withoutEnd());
    this.#waiting ??= withStore(`wait for the stream ${id}`, () =>
      this.#log.wait(id, this.#position, this.#leaving.signal),
    ).finally(() => {
      this.#waiting = undefined;
    });
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#failWait = reject;
    this.#waiting.then(() => resolve(true), reject);
    void this.#silence.passed().then(resolve);
    return promise;
  }

  #withoutEnd(): StorageError {
    const { id, lost } = this.#options;
    return new StorageError(`Cannot read the end of the stream ${id}: it was not written`, {
      cause: lost?.reason,
    });
  }
}

/** Where there is one: a timer of 0 waits a millisecond. */
const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
