// What all timers have in common.

/** The longest time a timer knows, in milliseconds: with a longer one it fires at once. */
export const longestTimerMs: number = 2 ** 31 - 1;

/** What the work resolves with; undefined when it takes longer. With 0 nothing is waited for. */
export async function within<Value>(limitMs: number, work: Promise<Value>): Promise<Value | undefined> {
  if (limitMs === 0) return undefined;
  if (limitMs > longestTimerMs) return work;
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), limitMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where there is one: a timer of 0 waits a millisecond. */
const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };

/** Lets whatever else is due come first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
