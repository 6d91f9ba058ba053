// How many read: in all, of each stream, and of each owner. A place is taken before anything is waited for, so that
// requests that come together cannot all find the same one free.

import type { RelayLimits } from './limits.ts';

/** Of one owner: how many connections they may read with, and how many one of their streams. */
export interface OwnReaderLimits {
  readonly owner: string;
  readonly readers: number;
  readonly readersPerStream: number;
}

/** Of one connection, until it leaves. */
export interface ReaderPlace {
  /** Counts it among the readers of this stream as well; false when the stream has as many as it may. */
  enter(id: string): boolean;
  /** Again it does nothing. */
  leave(): void;
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

  /** Also those that wait for a stream to begin. */
  get all(): number {
    return this.#all;
  }

  /** Undefined when one more would be one too many. */
  take({ owner, readers, readersPerStream }: OwnReaderLimits): ReaderPlace | undefined {
    if (this.#all >= this.#limits.maxReaders || (this.#ofOwner.get(owner) ?? 0) >= readers) return undefined;
    this.#all += 1;
    add(this.#ofOwner, owner, 1);
    let stream: string | undefined;
    let hasLeft = false;
    return {
      enter: (id) => {
        const most = Math.min(this.#limits.maxReadersPerStream, readersPerStream);
        if (hasLeft || (this.#ofStream.get(id) ?? 0) >= most) return false;
        stream = id;
        add(this.#ofStream, id, 1);
        return true;
      },
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        this.#all -= 1;
        add(this.#ofOwner, owner, -1);
        if (stream !== undefined) add(this.#ofStream, stream, -1);
      },
    };
  }
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
