// One reader of one log, at its own pace: an iterator of text that somebody else puts on a socket. It holds one
// batch of entries and nothing more, so that a reader who does not read costs nobody anything. An iterator by hand, as
// every event comes by here for every reader, and generators within generators take several promises for each.

import { formatEntryId, isSameEntry, logStart } from '../storage/index.ts';
import type { EntryId, LogEntry, ReadResult, StreamLog } from '../storage/index.ts';
import type { Turn } from './access/turn.ts';
import type { Dismissal, DismissalCode } from './dismissal.ts';
import type { Parting } from './parting.ts';
import { Silence } from './silence.ts';
import { StorageError, storageErrorOf } from './storage-error.ts';
import type { ReaderOutcome } from './telemetry/telemetry.ts';
import { longestTimerMs } from './timers.ts';

/** Endings that are a reader's alone: the log has another, or none. */
type ReaderErrorCode =
  | DismissalCode
  | 'api_error'
  | 'interrupted'
  | 'log_diverged'
  | 'storage_failed'
  | 'storage_full'
  | 'stream_gone';

/** A format of a stream's log: a pure function from entries to text, with a small state of its own. Throws nothing,
 * whatever a log holds. */
export interface Encoder {
  encode(entry: LogEntry): string;
  /** Said when nothing else has been for a while; never part of the log. */
  ping(): string;
  /** How many answers of its owner are before this one, and itself; never part of the log. Left out in a format that has
   * no words for it. */
  waiting?(position: number): string;
  /** Said when the log is not what the reader has seen: it begins anew. Undefined in a format that cannot take back
   * what it said. */
  reset(from: EntryId): string | undefined;
  /** Said when the relay goes, or the connection is old, and the log has no end: the reader is to come back for the
   * rest. Undefined in a format whose readers cannot. */
  reconnect(): string | undefined;
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
  /** Called when reading begins: who does not read is no reader. */
  readonly onBegin?: (() => Following) | undefined;
  /** Called when reading is over, also where it never began; perhaps more than once. */
  readonly onClose?: (() => void) | undefined;
  /** When it begins, what the log has is said, and the reader is sent away. */
  readonly parting?: Parting | undefined;
  /** When it begins, who reads may not any more. */
  readonly dismissal?: Dismissal | undefined;
  /** After which the reader is sent away to come back, where the format has a word for it; default never. */
  readonly maxAgeMs?: number | undefined;
  /** The longest silence on the connection, in milliseconds. */
  readonly pingMs: number;
  /** Told of a store that fails; the reader gets an ending. */
  readonly onError: (error: unknown) => void;
}

export interface Following {
  /** Where the stream is in the queue of its owner, while it waits for its turn. */
  readonly turn?: Pick<Turn, 'position' | 'changed'> | undefined;
  /** Aborts when nobody will write the log's end. */
  readonly lost?: AbortSignal | undefined;
  /** Called once, when reading is over. */
  readonly onEnd: (outcome: ReaderOutcome) => void;
}

/** What one reader holds at once, and how long it keeps the event loop: a few milliseconds of encoding. */
const batchLimits = { maxEntries: 256, maxBytes: 256 * 1024 };

/** After so many at once others get their turn. */
const manyEntries = 64;

/** The text of the log from `after` to its end; ends early when the reader has gone. One call at a time; none of them
 * ever rejects. */
export function readLog(
  log: StreamLog,
  encoder: Encoder,
  options: ReadOptions,
): AsyncIterableIterator<string, void, undefined> {
  return new LogReader(log, encoder, options);
}

class LogReader implements AsyncIterableIterator<string, void, undefined> {
  readonly #log: StreamLog;
  readonly #encoder: Encoder;
  readonly #options: ReadOptions;
  /** Ends the wait for the log, when there is something else to do; made anew when that is done. */
  #interruption = new AbortController();
  /** Its signal, which each event asks for. */
  #interrupted = this.#interruption.signal;
  readonly #interrupt = (): void => this.#interruption.abort();
  /** The reader has gone, by itself or with its client. */
  #hasLeft = false;
  readonly #leave = (): void => {
    this.#hasLeft = true;
    this.#interrupt();
  };
  #silence: Silence | undefined;
  #ageTimer: ReturnType<typeof setTimeout> | undefined;
  #isOld = false;
  #position: EntryId;
  /** The last sequence the reader has seen: entries up to it are read for the encoder alone. */
  #shownAfter: number;
  /** The store is being asked: what is thrown meanwhile is the store's. */
  #isAsking = false;
  #following: Following | undefined;
  #saidPosition = 0;
  /** How reading ends, if it ends now. */
  #outcome: ReaderOutcome = 'left';
  #step: 'begin' | 'read' | 'rest' | 'wait' | 'end' = 'begin';

  constructor(log: StreamLog, encoder: Encoder, options: ReadOptions) {
    this.#log = log;
    this.#encoder = encoder;
    this.#options = options;
    this.#position = options.after;
    this.#shownAfter = options.after.sequence;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string, void>> {
    // What was given out before has been taken.
    this.#silence?.restart();
    // All in one: an async function within another takes promises of its own, for each event.
    try {
      if (this.#step === 'begin') await this.#begin();
      while (this.#step !== 'end' && !this.#hasLeft) {
        if (this.#step === 'rest') await nextTurn();
        let text = this.#waitingText();
        if (this.#step === 'wait' && text === undefined) {
          this.#isAsking = true;
          // Where there is more already, this does not wait.
          await this.#log.wait(this.#options.id, this.#position, this.#interrupted);
          this.#isAsking = false;
          text = this.#afterInterruption();
        }
        if (text === undefined) {
          // Before the read: what was written until then is said.
          const isParting = this.#isParting;
          this.#isAsking = true;
          const reading = this.#log.read(this.#options.id, this.#position, batchLimits);
          const result = reading instanceof Promise ? await reading : reading;
          this.#isAsking = false;
          text = this.#textOf(result, isParting);
        }
        if (text !== '') return { done: false, value: text };
      }
    } catch (cause) {
      return this.#failed(cause);
    }
    this.#close();
    return { done: true, value: undefined };
  }

  #failed(cause: unknown): IteratorResult<string, void> {
    const error = this.#isAsking ? storageErrorOf(`read the stream ${this.#options.id}`, cause) : cause;
    this.#options.onError(error);
    const text = this.#textOfError(error);
    this.#close();
    return { done: false, value: text };
  }

  return(): Promise<IteratorResult<string, void>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #begin(): Promise<void> {
    const { signal, pingMs, onBegin, parting, dismissal } = this.#options;
    this.#silence = new Silence(pingMs, this.#interrupt);
    this.#limitAge();
    signal.addEventListener('abort', this.#leave);
    if (signal.aborted) this.#leave();
    this.#following = onBegin?.();
    this.#following?.lost?.addEventListener('abort', this.#interrupt);
    parting?.add(this.#interrupt);
    dismissal?.add(this.#interrupt);
    if (this.#isParting || this.#following?.lost?.aborted) this.#interrupt();
    await this.#findStart();
    this.#step = 'read';
  }

  #close(): void {
    this.#step = 'end';
    this.#options.signal.removeEventListener('abort', this.#leave);
    this.#following?.lost?.removeEventListener('abort', this.#interrupt);
    this.#options.parting?.remove(this.#interrupt);
    this.#options.dismissal?.remove(this.#interrupt);
    clearTimeout(this.#ageTimer);
    this.#following?.onEnd(this.#outcome);
    this.#following = undefined;
    this.#options.onClose?.();
    this.#leave();
    this.#silence?.stop();
  }

  #limitAge(): void {
    const { maxAgeMs = Infinity } = this.#options;
    if (maxAgeMs > longestTimerMs || this.#encoder.reconnect() === undefined) return;
    this.#ageTimer = setTimeout(() => {
      this.#isOld = true;
      this.#interrupt();
    }, maxAgeMs);
  }

  get #isParting(): boolean {
    const { parting, dismissal } = this.#options;
    return this.#isOld || parting?.hasBegun === true || dismissal?.hasBegun === true;
  }

  /** Where the stream is in its queue; undefined where that has been said, or something else comes first. */
  #waitingText(): string | undefined {
    if (this.#step !== 'wait') return undefined;
    const { turn } = this.#following ?? {};
    const position = turn?.position ?? 0;
    if (position > 0) void turn?.changed().then(this.#interrupt);
    if (position === this.#saidPosition) return undefined;
    this.#saidPosition = position;
    return position === 0 ? undefined : this.#encoder.waiting?.(position);
  }

  #textOfError(error: unknown): string {
    if (!violations.has(this.#outcome))
      this.#outcome = error instanceof StorageError ? error.code : 'api_error';
    return error instanceof StorageError
      ? this.#encoder.failed(error.code, 'The store could not be read')
      : this.#encoder.failed('api_error', 'Internal server error');
  }

  #turnOut({ code, message }: Dismissal): string {
    this.#end(code);
    return this.#encoder.failed(code, message);
  }

  #sendAway(): string {
    this.#end('sent_away');
    const encoder = this.#encoder;
    return (
      encoder.reconnect() ??
      encoder.failed('interrupted', 'The relay was shut down in the middle of the answer')
    );
  }

  async #findStart(): Promise<void> {
    if (!this.#encoder.needsHistory) return;
    // An offset that the log does not know must lead to a reset, also when reading begins before it.
    this.#isAsking = true;
    const { type } = await this.#log.read(this.#options.id, this.#position, { maxEntries: 0, maxBytes: 0 });
    this.#isAsking = false;
    if (type === 'entries') this.#position = logStart;
  }

  #textOf(result: ReadResult, isParting: boolean): string {
    // Reads of a log in memory never wait: without a turn of the loop a long log would hold up everybody else.
    this.#step = result.type === 'entries' && result.entries.length >= manyEntries ? 'rest' : 'wait';
    const { dismissal } = this.#options;
    if (dismissal?.hasBegun === true) return this.#turnOut(dismissal);
    if (result.type === 'diverged') return this.#reset(result.from);
    if (result.type === 'gone') {
      this.#end('stream_gone');
      return this.#encoder.failed('stream_gone', 'The stream was deleted');
    }
    if (!result.ended && isParting && result.entries.length === 0) return this.#sendAway();
    const text = this.#encodeAll(result.entries);
    if (result.ended) this.#endWith(result.entries.at(-1));
    return text;
  }

  #reset(from: EntryId): string {
    if (isSameEntry(from, this.#position))
      throw new StorageError(`Cannot read the stream ${this.#options.id}: it denies where it begins`);
    const text = this.#encoder.reset(from);
    this.#position = this.#encoder.needsHistory ? logStart : from;
    this.#shownAfter = this.#position.sequence;
    if (text === undefined) this.#end('log_diverged');
    return text ?? this.#encoder.failed('log_diverged', 'The stream is not what it was: ask again');
  }

  #encodeAll(entries: readonly LogEntry[]): string {
    const encoder = this.#encoder;
    let text = '';
    for (const entry of entries) {
      if (entry.id.sequence !== this.#position.sequence + 1) this.#violate('gap', entry);
      const piece = encoder.encode(entry);
      this.#position = entry.id;
      if (piece === '' || entry.id.sequence <= this.#shownAfter) continue;
      text += piece;
      if (!encoder.hasEnded) continue;
      this.#end('ended');
      break;
    }
    return text;
  }

  #end(outcome: ReaderOutcome): void {
    this.#outcome = outcome;
    this.#step = 'end';
  }

  /** The log goes no further than this entry, or than what was read before. */
  #endWith(last: LogEntry | undefined): void {
    if (last !== undefined && last.record.type !== 'end' && !this.#encoder.hasEnded)
      this.#violate('without_end', last);
    this.#end('ended');
  }

  /** The log breaks a promise that it made. Who reads is told rather than left with less than there was. */
  #violate(outcome: 'gap' | 'without_end', { id, record }: LogEntry): never {
    this.#outcome = outcome;
    const place = `${formatEntryId(this.#position)}, ${formatEntryId(id)} (${record.type})`;
    throw new StorageError(`Cannot read the stream ${this.#options.id}: ${outcome} at ${place}`);
  }

  /** What is to be said when there may be nothing to read, where the wait was interrupted. Throws StorageError. */
  #afterInterruption(): string | undefined {
    if (!this.#interrupted.aborted) return undefined;
    if (this.#following?.lost?.aborted) throw this.#withoutEnd();
    // Nothing is waited for any more.
    if (this.#hasLeft || this.#isParting) return undefined;
    this.#interruption = new AbortController();
    this.#interrupted = this.#interruption.signal;
    return this.#waitingText() ?? (this.#silence?.isOver === true ? this.#encoder.ping() : undefined);
  }

  #withoutEnd(): StorageError {
    return new StorageError(`Cannot read the end of the stream ${this.#options.id}: it was not written`, {
      cause: this.#following?.lost?.reason,
    });
  }
}

const violations: ReadonlySet<ReaderOutcome> = new Set(['gap', 'without_end']);

/** Where there is one: a timer of 0 waits a millisecond. */
const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
