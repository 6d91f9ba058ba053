// Bursts of text as steady text, for a display. Each frame shows a part of what waits, more when more waits: a backlog
// is gone in a few frames, whatever its size. Never on a server: it would delay what is stored or passed on.

import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { demandPositive } from './demand.ts';
import { misuse } from './misuse.ts';

export interface SmoothOptions {
  /** Time between two pieces, in milliseconds. Default 33: two frames of a usual display. */
  frameMs?: number | undefined;
  /** How long the end, or an error, may come after it came from the source. At most 250, which is the default. */
  maxDelayMs?: number | undefined;
  /** Passes everything through as it comes. Default: what the platform says of `prefers-reduced-motion`. */
  reducedMotion?: boolean | undefined;
  clock?: Clock | undefined;
}

/** What a frame shows at least, and of what waits: with a quarter, half of a burst is there after 100 ms. */
const minPerFrame = 3;
const sharePerFrame = 0.25;

/** When this much waits, the source waits too. So that it does not wait for the display, which would delay its end,
 * all of it is shown at once: nobody reads that fast. */
const maxWaiting = 64 * 1024;

/** Timers are late: the end is aimed at this much before it must be there. */
const slackMs = 50;

/**
 * The same text in other pieces.
 *
 * 1. The pieces together are exactly the source's text, also when it fails: then they come before the error.
 * 2. The first piece is not held back, and the end comes at most `maxDelayMs` after that of the source.
 * 3. A piece never ends within what a reader takes for one character (a grapheme cluster), unless the source
 *    paused there for longer than `maxDelayMs`; never between the halves of a surrogate pair.
 * 4. Leaving the loop leaves that over the source.
 *
 * Throws a RangeError for an option out of range.
 *
 * @example
 * for await (const text of smooth(stream.textStream)) output.append(text);
 */
export function smooth(
  source: AsyncIterable<string>,
  options: SmoothOptions = {},
): AsyncIterableIterator<string, undefined> {
  const { frameMs = 33, maxDelayMs = 250, clock = systemClock } = options;
  demandPositive('frameMs', frameMs);
  if (!(maxDelayMs >= 0 && maxDelayMs <= 250)) {
    throw misuse(new RangeError(`Cannot use maxDelayMs: ${maxDelayMs}; 0 to 250 is wanted`));
  }
  const isPlain = options.reducedMotion ?? prefersReducedMotion();
  return isPlain
    ? passOn(source)
    : paced(new Backlog(source, { clock, maxDelayMs }), { frameMs, maxDelayMs, clock });
}

async function* passOn(source: AsyncIterable<string>): AsyncGenerator<string, undefined, undefined> {
  yield* source;
  return undefined;
}

async function* paced(
  backlog: Backlog,
  { frameMs, maxDelayMs, clock }: { frameMs: number; maxDelayMs: number; clock: Clock },
): AsyncGenerator<string, undefined, undefined> {
  let shownAtMs = -Infinity;
  /** Since when there has been something to show; frames in which there was nothing are not made up for. */
  let busySinceMs = clock.now();
  try {
    for (;;) {
      const nowMs = clock.now();
      const lastMs = (backlog.overAtMs ?? Infinity) + Math.max(0, maxDelayMs - slackMs);
      const isFull = backlog.text.length >= maxWaiting;
      const dueMs = isFull ? nowMs : Math.min(shownAtMs + frameMs, lastMs);
      if (backlog.isOver && backlog.text === '') break;
      if (nowMs < dueMs) {
        await backlog.wait(dueMs);
        continue;
      }
      const frames = Math.min(1000, Math.max(1, Math.floor((nowMs - busySinceMs) / frameMs)));
      const framesLeft = isFull ? 1 : Math.floor((lastMs - nowMs) / frameMs) + 1;
      const piece = backlog.take(lengthToShow(backlog.text, frames, framesLeft));
      if (piece === '') {
        await backlog.wait(backlog.heldUntilMs > nowMs ? backlog.heldUntilMs : Infinity);
        busySinceMs = clock.now();
        continue;
      }
      shownAtMs = nowMs;
      busySinceMs = nowMs;
      yield piece;
    }
    backlog.throwIfFailed();
    return undefined;
  } finally {
    await backlog.leave();
  }
}

/** How many code units the next piece should have, for the time since the last one, and with so many frames left. */
function lengthToShow({ length }: string, frames: number, framesLeft: number): number {
  if (framesLeft <= 1) return length;
  const share = length * (1 - (1 - sharePerFrame) ** frames);
  return Math.ceil(Math.max(minPerFrame * frames, share, length / framesLeft));
}

/** What has come from the source and was not shown yet. */
class Backlog {
  text = '';
  /** When the source ended or failed; undefined before. */
  overAtMs: number | undefined;
  readonly #iterator: AsyncIterator<string>;
  readonly #clock: Clock;
  readonly #graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  /** How long the last character may be held back for what belongs to it. */
  readonly #maxHoldMs: number;
  #failure: { error: unknown } | undefined;
  #changedAtMs = 0;
  /** Wakes who waits for a change. */
  #wake: () => void = nothing;
  #isReading = false;
  #hasLeft = false;

  constructor(source: AsyncIterable<string>, { clock, maxDelayMs }: { clock: Clock; maxDelayMs: number }) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#clock = clock;
    this.#maxHoldMs = maxDelayMs;
  }

  get isOver(): boolean {
    return this.overAtMs !== undefined;
  }

  /** When all that is there may be shown; never while there is nothing. */
  get heldUntilMs(): number {
    return this.text === '' ? Infinity : this.#changedAtMs + this.#maxHoldMs;
  }

  /** Takes about so much from the front, whole characters; perhaps nothing. */
  take(length: number): string {
    const end = this.#endOf(length);
    const piece = this.text.slice(0, end);
    this.text = this.text.slice(end);
    return piece;
  }

  /** Waits for a change, until then at most. */
  async wait(untilMs: number): Promise<void> {
    this.#read();
    const changed = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // Time goes on between the question whether to wait and the timer: what is due by now is due at once.
    const delayMs = Math.max(0, untilMs - this.#clock.now());
    const cancel = delayMs === Infinity ? nothing : this.#clock.setTimer(this.#wake, delayMs);
    await changed;
    cancel();
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    if (this.isOver) return;
    const left = Promise.resolve(this.#iterator.return?.()).catch(nothing);
    // A generator would answer only behind the read that is under way.
    if (!this.#isReading) await left;
  }

  /** The end of the last whole character at `length`, or behind it. */
  #endOf(length: number): number {
    const { text } = this;
    if (text === '') return 0;
    const segments = this.#graphemes.segment(text);
    // What comes next may belong to the last character, for a while.
    const isHeld = !this.isOver && this.#clock.now() < this.heldUntilMs;
    const limit = isHeld ? (segments.containing(text.length - 1)?.index ?? 0) : this.#endOfPairs();
    if (length >= limit) return limit;
    const segment = segments.containing(length - 1);
    return segment === undefined ? limit : Math.min(limit, segment.index + segment.segment.length);
  }

  #endOfPairs(): number {
    const { text } = this;
    const last = text.charCodeAt(text.length - 1);
    const isHalf = !this.isOver && last >= 0xd800 && last <= 0xdbff;
    return isHalf ? text.length - 1 : text.length;
  }

  /** Reads from the source, one piece after the other, until too much waits. */
  #read(): void {
    if (this.#isReading || this.isOver) return;
    this.#isReading = true;
    void this.#readUntilFull().finally(() => {
      this.#isReading = false;
      this.#wake();
    });
  }

  async #readUntilFull(): Promise<void> {
    try {
      while (this.text.length < maxWaiting && !this.#hasLeft) {
        const { value, done } = await this.#iterator.next();
        if (done === true) {
          this.overAtMs = this.#clock.now();
          return;
        }
        this.text += value;
        this.#changedAtMs = this.#clock.now();
        this.#wake();
      }
    } catch (error) {
      this.#failure = { error };
      this.overAtMs = this.#clock.now();
    }
  }
}

function prefersReducedMotion(): boolean {
  return (
    typeof globalThis.matchMedia === 'function' && matchMedia('(prefers-reduced-motion: reduce)').matches
  );
}

const nothing = (): void => undefined;
