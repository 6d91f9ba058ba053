// Readers are to go, since the relay does, or their key is none any more, or nobody will write the end of what they
// read. An AbortSignal looks through all of its listeners for each one that comes or goes: with thousands of readers
// that is what a set is for.

export class Parting {
  /** Most have one reader to tell, for whom a set would take more than all else of it. */
  #listener: (() => void) | undefined;
  #others: Set<() => void> | undefined;
  #hasBegun = false;

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Calls back when it begins; not when it has begun. */
  add(listener: () => void): void {
    if (this.#listener === undefined) this.#listener = listener;
    else (this.#others ??= new Set()).add(listener);
  }

  remove(listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
    else this.#others?.delete(listener);
  }

  begin(): void {
    this.#hasBegun = true;
    this.#listener?.();
    for (const listener of this.#others ?? []) listener();
  }
}

/** Nobody will write the end of a log: the store did not take it. */
export class Loss extends Parting {
  #cause: unknown;

  get cause(): unknown {
    return this.#cause;
  }

  lose(cause: unknown): void {
    this.#cause = cause;
    this.begin();
  }
}
