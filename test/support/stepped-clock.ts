// Time that a test moves by hand, and stops at each timer on the way.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from 'millrace/client';

export class SteppedClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Map<object, { readonly dueMs: number; readonly callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = {};
    this.#timers.set(timer, { dueMs: this.#nowMs + Math.max(0, delayMs), callback });
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass; whatever a timer sets off has its turn before the next one fires. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await nextTurn();
    for (;;) {
      const [next] = [...this.#timers].toSorted(([, a], [, b]) => a.dueMs - b.dueMs);
      if (next === undefined || next[1].dueMs > untilMs) break;
      const [timer, { dueMs, callback }] = next;
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      callback();
      await nextTurn();
    }
    this.#nowMs = untilMs;
    await nextTurn();
  }
}
