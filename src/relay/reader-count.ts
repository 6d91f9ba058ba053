// How many read: in all, of each stream, and of each owner. A place is taken before anything is waited for, so that
// requests that come together cannot all find the same one free.

import type { RelayLimits } from './limits.ts';
import { Parting } from './parting.ts';

/** Of one owner: how many connections they may read with, and how many one of their streams. */
export interface OwnReaderLimits {
  readonly owner: string;
  readonly readers: number;
  readonly readersPerStream: number;
}

/** Of one connection, until it leaves. */
export interface ReaderPlace {
  /** Begins when its owner may read no more. */
  readonly removal: Parting;
  /** Counts it among the readers of this stream as well; false when the stream has as many as it may. */
  enter(id: string): boolean;
  /** Again it does nothing. */
  readonly leave: () => void;
}

export class ReaderCount {
  readonly #limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>;
  /** Streams without a reader are not in it. */
  readonly #ofStream = new Map<string, number>();
  /** Nor are owners without one. */
  readonly #ofOwner = new Map<string, { count: number; readonly removal: Parting }>();
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
    const own = this.#ofOwner.get(owner) ?? { count: 0, removal: new Parting() };
    if (this.#all >= this.#limits.maxReaders || own.count >= readers) return undefined;
    this.#all += 1;
    own.count += 1;
    this.#ofOwner.set(owner, own);
    let stream: string | undefined;
    let hasLeft = false;
    return {
      removal: own.removal,
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
        own.count -= 1;
        if (own.count === 0 && this.#ofOwner.get(owner) === own) this.#ofOwner.delete(owner);
        if (stream !== undefined) add(this.#ofStream, stream, -1);
      },
    };
  }

  /** Ends all reading of an owner that is none any more. */
  remove(owner: string): void {
    const own = this.#ofOwner.get(owner);
    // Who comes by a new key of that name begins anew.
    this.#ofOwner.delete(owner);
    own?.removal.begin();
  }
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
