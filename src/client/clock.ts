// Time as an argument, so that a test can have ninety seconds of silence without waiting for them.

import { TimeoutError } from './errors.ts';
import type { TimeoutErrorCode } from './errors.ts';
import { onAbort } from './follow.ts';

export interface Clock {
  /** Milliseconds since 1970. Never goes back. */
  now(): number;
  /** Calls back once after `delayMs`; the function it returns cancels that. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The longest delay setTimeout takes; a longer one would fire at once. */
const longestDelayMs = 2 ** 31 - 1;

/** Read once: it never changes, and to ask for it takes longer than for the time. */
const { timeOrigin } = performance;

export const systemClock: Clock = {
  now: () => timeOrigin + performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(delayMs, longestDelayMs));
    return () => clearTimeout(timer);
  },
};

/** Waits; rejects at once with the signal's reason when that aborts. */
export function sleep(
  delayMs: number,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = clock.setTimer(() => {
      letGo();
      resolve();
    }, delayMs);
    const letGo = onAbort(signal, () => {
      stop();
      reject(signal.reason);
    });
  });
}

/** Aborts after `limitMs`, Infinity for never; the function it returns cancels that. */
export function limitTime(
  controller: AbortController,
  clock: Clock,
  { code, limitMs }: { code: TimeoutErrorCode; limitMs: number },
): () => void {
  if (limitMs === Infinity) return () => undefined;
  return clock.setTimer(() => controller.abort(new TimeoutError(code, limitMs)), limitMs);
}
