// Listeners by name. One that throws stops neither the stream nor the other listeners: its error becomes an
// uncaught exception, as with an EventTarget.

type AnyListeners<T> = { [Name in keyof T]: (...values: never[]) => void };

export class Listeners<T extends AnyListeners<T>> {
  readonly #listeners = new Map<keyof T, Set<T[keyof T]>>();
  readonly #once = new WeakSet<T[keyof T]>();

  add<Name extends keyof T>(name: Name, listener: T[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, new Set([listener]));
    else listeners.add(listener);
  }

  addOnce<Name extends keyof T>(name: Name, listener: T[Name]): void {
    this.#once.add(listener);
    this.add(name, listener);
  }

  remove<Name extends keyof T>(name: Name, listener: T[Name]): void {
    this.#listeners.get(name)?.delete(listener);
  }

  emit<Name extends keyof T>(name: Name, ...values: Parameters<T[Name]>): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      if (this.#once.has(listener)) this.remove(name, listener as T[Name]);
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
