// Time as an argument, so that a test can have ninety seconds of silence without waiting for them.

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
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.setTimer(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
