// What all timers have in common.

/** The longest time a timer knows, in milliseconds: with a longer one it fires at once. */
export const longestTimerMs: number = 2 ** 31 - 1;
