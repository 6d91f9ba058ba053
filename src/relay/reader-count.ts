// How many read: in all, of each stream, and of each owner.

import type { RelayLimits } from './limits.ts';

/** Of one owner: how many connections they may read with, and how many one of their streams. */
export interface OwnReaderLimits {
  readonly owner: string;
  readonly readers: number;
  readonly readersPerStream: number;
}

export class ReaderCount {
  readonly #limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>;
  /** Streams without a reader are not in it. */
  readonly #ofStream = new Map<string, number>();
  readonly #ofOwner = new Map<string, number>();
  #all = 0;

  constructor(limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>) {
    this.#limits = limits;
  }

  get all(): number {
    return this.#all;
  }

  /** Whether one more reader, of a new stream or of this one, would be one too many. */
  isFull({ owner, readers, readersPerStream }: OwnReaderLimits, id?: string): boolean {
    const { maxReaders, maxReadersPerStream } = this.#limits;
    const ofStream = id === undefined ? 0 : (this.#ofStream.get(id) ?? 0);
    const isOwnerFull = (this.#ofOwner.get(owner) ?? 0) >= readers;
    return (
      this.#all >= maxReaders || isOwnerFull || ofStream >= Math.min(maxReadersPerStream, readersPerStream)
    );
  }

  enter(id: string, owner: string): void {
    this.#all += 1;
    add(this.#ofStream, id, 1);
    add(this.#ofOwner, owner, 1);
  }

  leave(id: string, owner: string): void {
    this.#all -= 1;
    add(this.#ofStream, id, -1);
    add(this.#ofOwner, owner, -1);
  }
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
