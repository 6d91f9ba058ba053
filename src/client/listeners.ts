// Listeners by name. One that fails, by throwing or by the promise it returns, stops neither the stream nor the other
// listeners: its error is handed to `onFailure`. A promise is not waited for.

import { callSafely } from './report-failure.ts';

type AnyListeners<T> = { [Name in keyof T]: (...values: never[]) => unknown };

interface Entry<Listener> {
  readonly listener: Listener;
  readonly isOnce: boolean;
}

export class Listeners<T extends AnyListeners<T>> {
  readonly #entries = new Map<keyof T, readonly Entry<T[keyof T]>[]>();
  /** What was told of things that come once. */
  readonly #settled = new Map<keyof T, readonly unknown[]>();
  readonly #onFailure: (error: unknown, name: keyof T) => void;

  constructor(onFailure: (error: unknown, name: keyof T) => void) {
    this.#onFailure = onFailure;
  }

  /** Whether nobody listens. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  has(name: keyof T): boolean {
    return this.#entries.has(name);
  }

  /** Whoever comes late to what was settled is told of it, in a moment. */
  add<Name extends keyof T>(name: Name, listener: T[Name], isOnce = false): void {
    const entry = { listener, isOnce };
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), entry]);
    const values = this.#settled.get(name);
    if (values === undefined) return;
    queueMicrotask(() => {
      if (this.#entries.get(name)?.includes(entry)) this.#call(name, entry, values);
    });
  }

  /** Removes the listener that was added first, if it stands there more than once. */
  remove(name: keyof T, listener: T[keyof T]): void {
    const entry = this.#entries.get(name)?.find((each) => each.listener === listener);
    if (entry !== undefined) this.#drop(name, entry);
  }

  emit<Name extends keyof T>(name: Name, ...values: Parameters<T[Name]>): void {
    const entries = this.#entries.get(name);
    if (entries === undefined) return;
    // The list is never changed in place: who is added while it is called waits for the next event.
    for (const entry of entries) this.#call(name, entry, values);
  }

  /** Emits what comes once, and keeps it for those who come late. */
  settle<Name extends keyof T>(name: Name, ...values: Parameters<T[Name]>): void {
    const entries = this.#entries.get(name) ?? [];
    this.#settled.set(name, values);
    for (const entry of entries) this.#call(name, entry, values);
  }

  #call(name: keyof T, entry: Entry<T[keyof T]>, values: readonly unknown[]): void {
    if (entry.isOnce) this.#drop(name, entry);
    const listener = entry.listener as unknown as (...items: readonly unknown[]) => unknown;
    callSafely(
      () => listener(...values),
      (error) => this.#onFailure(error, name),
    );
  }

  #drop(name: keyof T, entry: Entry<T[keyof T]>): void {
    const rest = (this.#entries.get(name) ?? []).filter((each) => each !== entry);
    if (rest.length > 0) this.#entries.set(name, rest);
    else this.#entries.delete(name);
  }
}
