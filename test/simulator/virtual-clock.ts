// Clocks without waiting.

import type { Clock } from '../../src/simulator/index.ts';

/** Time that jumps to each timer as soon as everything else has had its turn. */
export class JumpingClock implements Clock {
  nowMs = Date.UTC(2026, 10, 21);
  timerCount = 0;
  /** How late each timer fires. */
  readonly #lateMs: number;

  constructor(lateMs = 0) {
    this.#lateMs = lateMs;
  }

  now(): number {
    return this.nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    this.timerCount += 1;
    const dueMs = this.nowMs + delayMs + this.#lateMs;
    const immediate = setImmediate(() => {
      this.nowMs = Math.max(this.nowMs, dueMs);
      callback();
    });
    return () => clearImmediate(immediate);
  }
}

/** Time that stands still, so that whatever waits for it waits until it is cancelled. */
export class StoppedClock implements Clock {
  readonly waiting = new Set<() => void>();
  /** Called with each timer set. */
  onTimer: () => void = () => undefined;

  now(): number {
    return Date.UTC(2026, 10, 21);
  }

  setTimer(callback: () => void): () => void {
    this.waiting.add(callback);
    this.onTimer();
    return () => this.waiting.delete(callback);
  }

  /** Resolves when something waits for time to pass. */
  whenWaiting(): Promise<void> {
    if (this.waiting.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onTimer = resolve;
    });
  }
}
