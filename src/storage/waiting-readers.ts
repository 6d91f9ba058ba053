// Who waits for the next entry of which log, in this process.

/** Who waits for one stream with one signal, again and again: what that takes is made once. */
class Waiter {
  readonly id: string;
  #wake: (() => void) | undefined;
  readonly #keep = (resolve: () => void): void => {
    const before = this.#wake;
    this.#wake =
      before === undefined
        ? resolve
        : () => {
            before();
            resolve();
          };
  };

  constructor(id: string) {
    this.id = id;
  }

  wait(): Promise<void> {
    return new Promise(this.#keep);
  }

  /** False when nobody waits. */
  wake(): boolean {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    return wake !== undefined;
  }
}

export class WaitingReaders {
  /** Those who wait, and those who have since the last wake but one. Most streams have one reader, for whom a set would
   * take more than the waiter itself. */
  readonly #ofStream = new Map<string, Waiter | Set<Waiter>>();
  /** A signal is mostly that of one reader, who waits for one stream. */
  readonly #ofSignal = new WeakMap<AbortSignal, Waiter>();

  /** Resolves with the next wake of the stream, or when `signal` aborts, which must not have happened. */
  wait(id: string, signal: AbortSignal): Promise<void> {
    const known = this.#ofSignal.get(signal);
    const waiter = known?.id === id ? known : this.#make(id, signal);
    this.#add(id, waiter);
    return waiter.wait();
  }

  wake(id: string): void {
    const waiters = this.#ofStream.get(id);
    if (waiters instanceof Waiter) this.#wakeOne(id, waiters);
    else for (const waiter of waiters ?? []) this.#wakeOne(id, waiter);
  }

  wakeAll(): void {
    for (const id of this.#ofStream.keys()) this.wake(id);
  }

  #make(id: string, signal: AbortSignal): Waiter {
    const waiter = new Waiter(id);
    this.#ofSignal.set(signal, waiter);
    const leave = (): void => {
      waiter.wake();
      this.#remove(id, waiter);
    };
    signal.addEventListener('abort', leave, { once: true });
    return waiter;
  }

  #wakeOne(id: string, waiter: Waiter): void {
    if (!waiter.wake()) this.#remove(id, waiter);
  }

  #add(id: string, waiter: Waiter): void {
    const waiters = this.#ofStream.get(id);
    if (waiters === undefined) this.#ofStream.set(id, waiter);
    else if (!(waiters instanceof Waiter)) waiters.add(waiter);
    else if (waiters !== waiter) this.#ofStream.set(id, new Set([waiters, waiter]));
  }

  #remove(id: string, waiter: Waiter): void {
    const waiters = this.#ofStream.get(id);
    if (waiters === waiter) this.#ofStream.delete(id);
    if (waiters === undefined || waiters instanceof Waiter) return;
    waiters.delete(waiter);
    if (waiters.size === 0) this.#ofStream.delete(id);
  }
}
