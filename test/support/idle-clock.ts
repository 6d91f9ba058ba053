// Time that passes only when a test lets it: whoever waits for ninety seconds of silence gets them at once.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from 'millrace/client';

export class IdleClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Map<object, Timer>();

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = {};
    this.#timers.set(timer, { delayMs, dueMs: this.#nowMs + delayMs, callback });
    return () => this.#timers.delete(timer);
  }

  /** Lets the next timer fire that waits for at most `mostMs`, and the time pass until then. */
  advance(mostMs = Infinity): void {
    const waiting = [...this.#timers].filter(([, { delayMs }]) => delayMs <= mostMs);
    const [first] = waiting.toSorted(([, a], [, b]) => a.dueMs - b.dueMs);
    if (first === undefined) return;
    const [timer, { dueMs, callback }] = first;
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    callback();
  }

  /** Time passes, and no timer fires. */
  skip(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  /** All timers that are due fire. */
  fireDue(): void {
    for (const [timer, { dueMs, callback }] of this.#timers) {
      if (dueMs > this.#nowMs || !this.#timers.delete(timer)) continue;
      callback();
    }
  }

  /**
   * Lets time pass, whenever nothing else happens, until the promise is settled. Only for waits of at most `mostMs`:
   * a limit of time that is longer is not reached, however slow this machine is.
   */
  async until<Value>(promise: Promise<Value>, mostMs = 30_000): Promise<Value> {
    const state = { isSettled: false };
    const settle = (): void => {
      state.isSettled = true;
    };
    promise.then(settle, settle);
    while (!state.isSettled) {
      await nextTurn();
      this.advance(mostMs);
    }
    return promise;
  }
}

interface Timer {
  readonly delayMs: number;
  readonly dueMs: number;
  readonly callback: () => void;
}
