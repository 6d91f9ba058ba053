// Time as an argument, so that a test can have thirty seconds of silence without waiting for them.

export interface Clock {
  /** Milliseconds since 1970. Never goes back. */
  now(): number;
  /** Calls back once after `delayMs`; the function it returns cancels that. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The longest delay setTimeout takes; a longer one would fire at once. */
const longestDelayMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(delayMs, longestDelayMs));
    return () => clearTimeout(timer);
  },
};
