// The limits of time of one response while it is read: a silence without any byte, and one with nothing but pings.
// Waiting counts only while somebody reads: a slow reader is not a slow server.

import type { Clock } from './clock.ts';
import { TimeoutError } from './errors.ts';
import type { Timeouts } from './timeouts.ts';

export interface WatchContext {
  readonly clock: Clock;
  readonly timeouts: Pick<Timeouts, 'idleMs' | 'progressMs'>;
  /** Aborted with a TimeoutError at a limit. */
  readonly controller: AbortController;
}

type Code = 'idle_timeout' | 'progress_timeout';

/** One timer serves many reads: it looks at what is being waited for when it fires. */
export class ReadWatch {
  readonly #context: WatchContext;
  /** When the read that is under way began; undefined while nobody waits. */
  #waitingSinceMs: number | undefined;
  /** How long was waited since the last progress, without the read that is under way. */
  #withoutProgressMs = 0;
  #stopTimer: (() => void) | undefined;

  constructor(context: WatchContext) {
    this.#context = context;
  }

  /** A read begins. */
  begin(): void {
    const nowMs = this.#context.clock.now();
    this.#waitingSinceMs = nowMs;
    this.#stopTimer ??= this.#startTimer(nowMs);
  }

  /** The read is over. */
  end(): void {
    if (this.#waitingSinceMs === undefined) return;
    this.#withoutProgressMs += this.#context.clock.now() - this.#waitingSinceMs;
    this.#waitingSinceMs = undefined;
  }

  /** What was read is more than pings. */
  progress(): void {
    this.#withoutProgressMs = 0;
  }

  /** Nothing more is read. */
  stop(): void {
    this.#waitingSinceMs = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #startTimer(sinceMs: number): (() => void) | undefined {
    const { clock } = this.#context;
    const { atMs } = this.#deadline(sinceMs);
    if (atMs === Infinity) return undefined;
    return clock.setTimer(() => {
      this.#stopTimer = undefined;
      if (this.#waitingSinceMs === undefined) return;
      const { atMs: dueMs, code, limitMs } = this.#deadline(this.#waitingSinceMs);
      if (clock.now() < dueMs) this.#stopTimer = this.#startTimer(this.#waitingSinceMs);
      else this.#context.controller.abort(new TimeoutError(code, limitMs));
    }, atMs - clock.now());
  }

  #deadline(sinceMs: number): { atMs: number; code: Code; limitMs: number } {
    const { idleMs, progressMs } = this.#context.timeouts;
    const idleAtMs = sinceMs + idleMs;
    const progressAtMs = sinceMs + progressMs - this.#withoutProgressMs;
    return idleAtMs <= progressAtMs
      ? { atMs: idleAtMs, code: 'idle_timeout', limitMs: idleMs }
      : { atMs: progressAtMs, code: 'progress_timeout', limitMs: progressMs };
  }
}
