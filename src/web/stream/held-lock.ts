// Web Locks as things one has until one gives them back. What a page holds is free when its tab is closed or dies.

export interface HeldLock {
  /** Aborts when another page has taken the lock away. */
  readonly lost: AbortSignal;
  release(): void;
}

/** Waits for a lock. Rejects with the reason of `options.signal`, or when the browser lets nobody have locks here. */
export function holdLock(locks: LockManager, name: string, options: LockOptions = {}): Promise<HeldLock> {
  return new Promise((resolve, reject) => {
    const lost = new AbortController();
    const hold = (): Promise<void> =>
      new Promise((release) => {
        resolve({ lost: lost.signal, release });
      });
    locks.request(name, options, hold).catch((reason: unknown) => {
      lost.abort(reason);
      reject(reason);
    });
  });
}

/** Waits for one of several locks: the first in the list of those that are free, or the first that gets free. */
export async function holdFirst(
  locks: LockManager,
  names: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly lock: HeldLock }> {
  const enough = new AbortController();
  const options = { signal: AbortSignal.any([signal, enough.signal]) };
  const requests = names.map(async (name) => {
    const lock = await holdLock(locks, name, options);
    // Several may come before the others can be called off.
    if (enough.signal.aborted) lock.release();
    enough.abort();
    return { name, lock };
  });
  try {
    return await Promise.any(requests);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}
