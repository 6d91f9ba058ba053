// Where the failures of a caller's own functions go: they are nobody's answer, and must not vanish.

export interface FailureLogger {
  warn(message: string, details: object): void;
}

/** Calls a function of the caller's. What it throws, or rejects with, is reported and goes no further. */
export function callSafely(call: () => unknown, report: (error: unknown) => void): void {
  try {
    const result = call();
    if (isThenable(result)) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}

/** To the logger, or else to the console. */
export function reportFailure(logger: FailureLogger | undefined, what: string, error: unknown): void {
  // The console is the last place where it is seen: an uncaught exception would end the process.
  const warn = (to: FailureLogger, details: object): void => to.warn(`${what} failed`, details);
  callSafely(
    () => warn(logger ?? console, { error }),
    (loggerError) => warn(console, { error, loggerError }),
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
