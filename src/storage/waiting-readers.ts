// Who waits for the next entry of which log, in this process.

export class WaitingReaders {
  readonly #waiting = new Map<string, Set<() => void>>();
  /** The wait of each signal that is listened to. A reader waits again and again with the same one, which is listened
   * to once: that costs as much as the rest of a wait. */
  readonly #waits = new WeakMap<AbortSignal, Set<() => void>>();

  /** Resolves with the next wake of the stream, or when `signal` aborts. */
  wait(id: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const readers = this.#waiting.get(id) ?? new Set();
    const ofSignal = this.#waitsOf(signal);
    const wake = (): void => {
      readers.delete(wake);
      if (readers.size === 0) this.#waiting.delete(id);
      ofSignal.delete(wake);
      resolve();
    };
    readers.add(wake);
    ofSignal.add(wake);
    this.#waiting.set(id, readers);
    return promise;
  }

  wake(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  wakeAll(): void {
    for (const id of this.#waiting.keys()) this.wake(id);
  }

  #waitsOf(signal: AbortSignal): Set<() => void> {
    const known = this.#waits.get(signal);
    if (known !== undefined) return known;
    const waits = new Set<() => void>();
    this.#waits.set(signal, waits);
    const wakeAll = (): void => {
      for (const wake of waits) wake();
    };
    signal.addEventListener('abort', wakeAll, { once: true });
    return waits;
  }
}
