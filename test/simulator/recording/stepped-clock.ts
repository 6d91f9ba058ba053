// Time that goes on when a test says so, to the next timer.

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Clock } from '../../../src/simulator/index.ts';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

export class SteppedClock implements Clock {
  #nowMs = Date.UTC(2026, 10, 21);
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Steps whenever somebody waits for time and nothing else is under way, until the work is done. */
  async runWhile<Result>(work: Promise<Result>, isStill: () => boolean): Promise<Result> {
    const state = { isDone: false };
    const done = work.finally(() => {
      state.isDone = true;
    });
    while (!state.isDone) {
      await nextTurn();
      if (!state.isDone && isStill()) this.#step();
    }
    return done;
  }

  #step(): void {
    const [next] = [...this.#timers].toSorted((a, b) => a.dueMs - b.dueMs);
    if (next === undefined) return;
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    next.callback();
  }
}
