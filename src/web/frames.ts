// When to draw: before the browser's next frame, or soon when it has none because nobody looks.

import type { Cancel } from './stream/follow-environment.ts';

export interface Frames {
  /** Calls back once, before the next frame. */
  request(callback: () => void): Cancel;
  /** Milliseconds that never run backwards. */
  now(): number;
}

/** A hidden page gets no frames, but its text must not pile up until somebody looks. */
const hiddenMs = 250;

export function browserFrames(): Frames {
  return {
    request: (callback) => {
      const run = (): void => {
        cancel();
        callback();
      };
      const frame = requestAnimationFrame(run);
      const timer = setTimeout(run, hiddenMs);
      const cancel = (): void => {
        cancelAnimationFrame(frame);
        clearTimeout(timer);
      };
      return cancel;
    },
    now: () => performance.now(),
  };
}
