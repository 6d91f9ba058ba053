// One reader of one log, at its own pace: an iterator of text that somebody else puts on a socket. It holds one
// batch of entries and nothing more, so that a reader who does not read costs nobody anything. In steps by hand, as
// every event comes by here for every reader: the only promise of an event is that of the wait for it.

import { formatEntryId, isSameEntry, logStart } from '../storage/index.ts';
import type { EntryId, LogEntry, ReadResult, StreamLog } from '../storage/index.ts';
import type { Dismissal } from './dismissal.ts';
import type { Encoder } from './encoder.ts';
import type { TextSink, TextStream } from './http.ts';
import type { Following, ReadOptions } from './read-options.ts';
import { Silence } from './silence.ts';
import { isStoreDamaged, StorageError, storageErrorOf } from './storage-error.ts';
import type { ReaderOutcome } from './telemetry/telemetry.ts';
import { longestTimerMs, nextTurn } from './timers.ts';

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
): TextStream & AsyncIterableIterator<string, void, undefined> {
  return new LogReader(log, encoder, options);
}

class LogReader implements AsyncIterableIterator<string, void, undefined>, TextStream {
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
  #step: 'begin' | 'find' | 'read' | 'rest' | 'wait' | 'woken' | 'end' = 'begin';
  /** What a read that had to be waited for has come to. */
  #said = '';

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
    for (;;) {
      const now = this.#advance();
      if (typeof now === 'string') return { done: false, value: now };
      if (now === undefined) return { done: true, value: undefined };
      try {
        await now;
      } catch (cause) {
        return { done: false, value: this.#failed(cause) };
      }
    }
  }

  async writeTo(sink: TextSink): Promise<void> {
    for (;;) {
      const now = this.#advance();
      if (typeof now === 'string') {
        if (sink.write(now) || (await sink.drained())) this.#silence?.restart();
        else this.#close();
      } else if (now === undefined) return;
      else {
        try {
          await now;
        } catch (cause) {
          sink.write(this.#failed(cause));
        }
      }
    }
  }

  return(): Promise<IteratorResult<string, void>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The next text, or what to wait for before there can be one; undefined when all is said. Throws nothing. */
  #advance(): string | Promise<unknown> | undefined {
    try {
      let now: string | Promise<unknown> = this.#said;
      this.#said = '';
      while (now === '' && this.#step !== 'end' && !this.#hasLeft) now = this.#takeStep();
      if (now !== '') return now;
    } catch (cause) {
      return this.#failed(cause);
    }
    this.#close();
    return undefined;
  }

  /** As `#advance`; empty where the next step is to be taken at once. */
  #takeStep(): string | Promise<unknown> {
    switch (this.#step) {
      case 'begin':
        this.#begin();
        return '';
      case 'find':
        this.#step = 'read';
        return this.#findStart();
      case 'read':
        return this.#read();
      case 'rest':
        this.#step = 'wait';
        return nextTurn();
      case 'wait':
        return this.#waitingText() ?? this.#wait();
      case 'woken':
        this.#isAsking = false;
        this.#step = 'read';
        return this.#afterInterruption() ?? '';
      case 'end':
        return '';
    }
  }

  #read(): string | Promise<void> {
    // Before the read: what was written until then is said.
    const isLast = this.#isParting || this.#isLost;
    this.#isAsking = true;
    const result = this.#log.read(this.#options.id, this.#position, batchLimits);
    return result instanceof Promise ? this.#takeLater(result, isLast) : this.#take(result, isLast);
  }

  async #takeLater(reading: Promise<ReadResult>, isLast: boolean): Promise<void> {
    this.#said = this.#take(await reading, isLast);
  }

  #take(result: ReadResult, isLast: boolean): string {
    this.#isAsking = false;
    // Reads of a log in memory never wait: without a turn of the loop a long log would hold up everybody else.
    this.#step = result.type === 'entries' && result.entries.length >= manyEntries ? 'rest' : 'wait';
    return this.#textOf(result, isLast);
  }

  /** Where there is more already, this does not wait. */
  #wait(): Promise<void> {
    this.#step = 'woken';
    this.#isAsking = true;
    return this.#log.wait(this.#options.id, this.#position, this.#interrupted);
  }

  /** What is said to the reader. */
  #failed(cause: unknown): string {
    const error = this.#isAsking ? storageErrorOf(`read the stream ${this.#options.id}`, cause) : cause;
    this.#options.onError(error);
    const text = this.#textOfError(error);
    this.#close();
    return text;
  }

  #begin(): void {
    const { signal, pingMs, onBegin, parting, dismissal } = this.#options;
    this.#silence = new Silence(pingMs, this.#interrupt);
    this.#limitAge();
    signal.addEventListener('abort', this.#leave);
    if (signal.aborted) this.#leave();
    this.#following = onBegin?.();
    this.#following?.loss?.add(this.#interrupt);
    parting?.add(this.#interrupt);
    dismissal?.add(this.#interrupt);
    if (this.#isParting || this.#isLost) this.#interrupt();
    this.#step = this.#encoder.needsHistory ? 'find' : 'read';
  }

  #close(): void {
    this.#step = 'end';
    this.#options.signal.removeEventListener('abort', this.#leave);
    this.#following?.loss?.remove(this.#interrupt);
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

  /** Nobody writes the end of the log. */
  get #isLost(): boolean {
    return this.#following?.loss?.hasBegun === true;
  }

  /** Where the stream is in its queue; undefined where that has been said. */
  #waitingText(): string | undefined {
    const { turn } = this.#following ?? {};
    const position = turn?.position ?? 0;
    if (position > 0) void turn?.changed().then(this.#interrupt);
    if (position === this.#saidPosition) return undefined;
    this.#saidPosition = position;
    return position === 0 ? undefined : this.#encoder.waiting?.(position);
  }

  #textOfError(error: unknown): string {
    if (!violations.has(this.#outcome)) this.#outcome = outcomeOf(error);
    if (!(error instanceof StorageError)) return this.#encoder.failed('api_error', 'Internal server error');
    const message = this.#isLost
      ? 'The end of the answer could not be written here'
      : 'The store could not be read';
    return this.#encoder.failed(error.code, message);
  }

  #turnOut({ code, message }: Dismissal): string {
    this.#end(code);
    return this.#encoder.failed(code, message);
  }

  /** Throws StorageError. */
  #leaveOff(): string {
    if (this.#isLost) throw this.#withoutEnd();
    this.#end('sent_away');
    const encoder = this.#encoder;
    return (
      encoder.reconnect() ??
      encoder.failed('interrupted', 'The relay was shut down in the middle of the answer')
    );
  }

  async #findStart(): Promise<void> {
    // An offset that the log does not know must lead to a reset, also when reading begins before it.
    this.#isAsking = true;
    const { type } = await this.#log.read(this.#options.id, this.#position, { maxEntries: 0, maxBytes: 0 });
    this.#isAsking = false;
    if (type === 'entries') this.#position = logStart;
  }

  /** `isLast`: what the log does not have yet is not waited for. Throws StorageError. */
  #textOf(result: ReadResult, isLast: boolean): string {
    const { dismissal } = this.#options;
    if (dismissal?.hasBegun === true) return this.#turnOut(dismissal);
    if (result.type === 'diverged') return this.#reset(result.from);
    if (result.type === 'gone') {
      this.#end('stream_gone');
      return this.#encoder.failed('stream_gone', 'The stream was deleted');
    }
    if (!result.ended && isLast && result.entries.length === 0) return this.#leaveOff();
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

  /** What is to be said when there may be nothing to read, where the wait was interrupted. */
  #afterInterruption(): string | undefined {
    if (!this.#interrupted.aborted) return undefined;
    // Nothing is waited for any more.
    if (this.#hasLeft || this.#isParting || this.#isLost) return undefined;
    this.#interruption = new AbortController();
    this.#interrupted = this.#interruption.signal;
    return this.#waitingText() ?? (this.#silence?.isOver === true ? this.#encoder.ping() : undefined);
  }

  #withoutEnd(): StorageError {
    return new StorageError(`Cannot read the end of the stream ${this.#options.id}: it was not written`, {
      cause: this.#following?.loss?.cause,
    });
  }
}

function outcomeOf(error: unknown): ReaderOutcome {
  if (!(error instanceof StorageError)) return 'api_error';
  return isStoreDamaged(error) ? 'damaged' : error.code;
}

const violations: ReadonlySet<ReaderOutcome> = new Set(['gap', 'without_end']);
