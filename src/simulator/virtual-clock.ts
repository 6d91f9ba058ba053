// Time that a test moves: an answer of minutes is there at once, and thirty seconds of silence are over when the
// test says so.

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Clock } from './clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Whatever a callback sets off has had its turn after so many: a write, its arrival, and what is answered to it. */
const turnsPerTimer = 3;

/**
 * A clock that stands still until it is told to go on.
 *
 * 1. Timers fire in the order in which they are due, those due at the same time in the order in which they were set,
 *    and `now()` is then the time each was due.
 * 2. After each of them the event loop goes round, so that timers set in consequence fire in the same advance.
 *
 * @example
 * const clock = new VirtualClock();
 * await using simulator = await startSimulator({ clock });
 * const response = await clock.runUntil(fetch(`${simulator.url}/v1/messages`, request));
 * const text = await clock.runUntil(response.text());
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<Timer>();
  /** Called when the next timer is set. */
  readonly #onTimer = new Set<() => void>();

  /** Begins at `startMs`, milliseconds since 1970; default the time it is made. Throws a RangeError for no number. */
  constructor(startMs: number = Date.now()) {
    if (!Number.isFinite(startMs)) {
      throw new RangeError(`Cannot start a clock at ${startMs}: a number of milliseconds is wanted`);
    }
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(delayMs, 0), callback };
    this.#timers.add(timer);
    for (const resolve of this.#onTimer) resolve();
    this.#onTimer.clear();
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Resolves when at least one timer waits; at once when one does. */
  whenWaiting(): Promise<void> {
    if (this.#timers.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onTimer.add(resolve);
    });
  }

  /** Lets `durationMs` pass. Throws a RangeError for a duration below 0 or that is no number; never goes back. */
  async advance(durationMs: number): Promise<void> {
    if (!Number.isFinite(durationMs) || durationMs < 0) {
      throw new RangeError(`Cannot advance a clock by ${durationMs} ms: a number, 0 or more, is wanted`);
    }
    const endMs = this.#nowMs + durationMs;
    for (let next = this.#nextTimer(endMs); next !== undefined; next = this.#nextTimer(endMs)) {
      await this.#fire(next);
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /**
   * Lets as much time pass as it takes until the promise settles, from timer to timer, and gives its result or throws
   * its reason. While no timer waits, time stands still and the promise is waited for.
   */
  async runUntil<Result>(promise: Promise<Result>): Promise<Result> {
    const settled = promise.then(
      () => true,
      () => true,
    );
    for (;;) {
      const isWaitedFor = this.whenWaiting().then(takeTurns);
      if (await Promise.race([settled, isWaitedFor.then(() => false)])) return promise;
      const next = this.#nextTimer(Infinity);
      if (next !== undefined) await this.#fire(next);
    }
  }

  /** The timer due first, up to a time. */
  #nextTimer(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.callback();
    await takeTurns();
  }
}

async function takeTurns(): Promise<void> {
  for (let turn = 0; turn < turnsPerTimer; turn += 1) await nextTurn();
}
