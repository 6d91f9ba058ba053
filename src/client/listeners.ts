// Listeners by name. One that throws stops neither the stream nor the other listeners: its error becomes an
// uncaught exception, as with an EventTarget.

type AnyListeners<T> = { [Name in keyof T]: (...values: never[]) => void };

interface Entry<Listener> {
  readonly listener: Listener;
  readonly isOnce: boolean;
}

export class Listeners<T extends AnyListeners<T>> {
  readonly #entries = new Map<keyof T, readonly Entry<T[keyof T]>[]>();

  /** Whether anybody listens. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  add<Name extends keyof T>(name: Name, listener: T[Name], isOnce = false): void {
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), { listener, isOnce }]);
  }

  /** Removes the listener that was added first, if it stands there more than once. */
  remove<Name extends keyof T>(name: Name, listener: T[Name]): void {
    const entries = this.#entries.get(name) ?? [];
    const first = entries.findIndex((entry) => entry.listener === listener);
    const rest = entries.filter((_, index) => index !== first);
    if (rest.length > 0) this.#entries.set(name, rest);
    else this.#entries.delete(name);
  }

  emit<Name extends keyof T>(name: Name, ...values: Parameters<T[Name]>): void {
    // The list is never changed in place: who is added while it is called waits for the next event.
    for (const { listener, isOnce } of this.#entries.get(name) ?? []) {
      if (isOnce) this.remove(name, listener as T[Name]);
      try {
        (listener as (...items: Parameters<T[Name]>) => void)(...values);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
