// Who waits for the next entry of which log, in this process.

export class WaitingReaders {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves with the next wake of the stream, or when `signal` aborts. */
  wait(id: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const readers = this.#waiting.get(id) ?? new Set();
    const wake = (): void => {
      readers.delete(wake);
      if (readers.size === 0) this.#waiting.delete(id);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    readers.add(wake);
    this.#waiting.set(id, readers);
    signal.addEventListener('abort', wake);
    return promise;
  }

  wake(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  wakeAll(): void {
    for (const id of this.#waiting.keys()) this.wake(id);
  }
}
