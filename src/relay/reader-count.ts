// How many read, in all and of each stream.

import type { RelayLimits } from './limits.ts';

export class ReaderCount {
  readonly #limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>;
  /** Streams without a reader are not in it. */
  readonly #ofStream = new Map<string, number>();
  #all = 0;

  constructor(limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>) {
    this.#limits = limits;
  }

  get all(): number {
    return this.#all;
  }

  /** Whether one more reader, of a new stream or of this one, would be one too many. */
  isFull(id?: string): boolean {
    const { maxReaders, maxReadersPerStream } = this.#limits;
    const ofStream = id === undefined ? 0 : (this.#ofStream.get(id) ?? 0);
    return this.#all >= maxReaders || ofStream >= maxReadersPerStream;
  }

  enter(id: string): void {
    this.#all += 1;
    this.#ofStream.set(id, (this.#ofStream.get(id) ?? 0) + 1);
  }

  leave(id: string): void {
    this.#all -= 1;
    const count = (this.#ofStream.get(id) ?? 0) - 1;
    if (count > 0) this.#ofStream.set(id, count);
    else this.#ofStream.delete(id);
  }
}
