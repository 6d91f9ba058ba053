// Readers are to go, since the relay does, or since their key is none any more. An AbortSignal looks through all of its
// listeners for each one that comes or goes: with thousands of readers that is what a set is for.

export class Parting {
  readonly #listeners = new Set<() => void>();
  #hasBegun = false;

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Calls back when it begins; not when it has begun. */
  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  remove(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  begin(): void {
    this.#hasBegun = true;
    for (const listener of this.#listeners) listener();
  }
}
