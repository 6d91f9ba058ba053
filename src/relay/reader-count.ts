// How many read: in all, of each stream, and of each owner. A place is taken before anything is waited for, so that
// requests that come together cannot all find the same one free.

import type { RelayLimits } from './limits.ts';
import { Dismissal } from './dismissal.ts';
import type { DismissalCode } from './dismissal.ts';

/** Of one owner: how many connections they may read with, and how many one of their streams. */
export interface OwnReaderLimits {
  readonly owner: string;
  readonly readers: number;
  readonly readersPerStream: number;
  /** What they read by, where that can be ended by itself. */
  readonly session?: string | undefined;
}

/** Of one connection, until it leaves. */
export interface ReaderPlace {
  /** Begins when it may read no more. */
  readonly dismissal: Dismissal;
  /** Counts it among the readers of this stream as well; false when the stream has as many as it may. `isForeign` is
   * said of the stream of somebody else, which an operator reads. */
  enter(id: string, options?: { readonly isForeign: boolean }): boolean;
  /** Again it does nothing. */
  readonly leave: () => void;
}

/** Where places are counted. */
interface PlaceCounts {
  /** False when the stream has as many readers as it may. */
  enter(place: Place, id: string): boolean;
  leave(place: Place): void;
}

/** A class, as each connection that reads has one: an object of functions takes more memory. */
class Place implements ReaderPlace {
  readonly limits: OwnReaderLimits;
  /** All of this owner, and this one. */
  readonly own: Set<Place>;
  readonly dismissal: Dismissal = new Dismissal();
  readonly leave = (): void => {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#counts.leave(this);
  };
  readonly #counts: PlaceCounts;
  #stream: string | undefined;
  #isForeign = false;
  #hasLeft = false;

  constructor(counts: PlaceCounts, limits: OwnReaderLimits, own: Set<Place>) {
    this.#counts = counts;
    this.limits = limits;
    this.own = own;
  }

  get stream(): string | undefined {
    return this.#stream;
  }

  get isForeign(): boolean {
    return this.#isForeign;
  }

  enter(id: string, { isForeign } = { isForeign: false }): boolean {
    if (this.#hasLeft || !this.#counts.enter(this, id)) return false;
    this.#stream = id;
    this.#isForeign = isForeign;
    return true;
  }
}

export class ReaderCount {
  readonly #limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>;
  /** Streams without a reader are not in it. */
  readonly #ofStream = new Map<string, number>();
  /** Nor are owners without one. */
  readonly #ofOwner = new Map<string, Set<Place>>();
  readonly #counts: PlaceCounts = {
    enter: ({ limits }, id) => this.#enter(limits, id),
    leave: (place) => this.#leave(place),
  };
  #all = 0;

  constructor(limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>) {
    this.#limits = limits;
  }

  /** Also those that wait for a stream to begin. */
  get all(): number {
    return this.#all;
  }

  /** Undefined when one more would be one too many. */
  take(limits: OwnReaderLimits): ReaderPlace | undefined {
    const own = this.#ofOwner.get(limits.owner) ?? new Set();
    if (this.#all >= this.#limits.maxReaders || own.size >= limits.readers) return undefined;
    const place = new Place(this.#counts, limits, own);
    this.#all += 1;
    this.#ofOwner.set(limits.owner, own.add(place));
    return place;
  }

  /** Ends all reading of an owner that is none any more. */
  remove(owner: string): void {
    const own = this.#ofOwner.get(owner);
    // Who comes by a new key of that name begins anew.
    this.#ofOwner.delete(owner);
    dismiss(own, 'key_removed');
  }

  /** Ends what an owner reads of others, who is no operator any more. */
  demote(owner: string): void {
    dismiss(this.#ofOwner.get(owner), 'access_ended', ({ isForeign }) => isForeign);
  }

  /** Ends what is read by a session that was ended. */
  endSession(owner: string, session: string): void {
    dismiss(this.#ofOwner.get(owner), 'access_ended', ({ limits }) => limits.session === session);
  }

  #enter({ readersPerStream }: OwnReaderLimits, id: string): boolean {
    const most = Math.min(this.#limits.maxReadersPerStream, readersPerStream);
    if ((this.#ofStream.get(id) ?? 0) >= most) return false;
    add(this.#ofStream, id, 1);
    return true;
  }

  #leave(place: Place): void {
    const { limits, own, stream } = place;
    const { owner } = limits;
    this.#all -= 1;
    own.delete(place);
    // Who comes by a new key of that name has a set of their own.
    if (own.size === 0 && this.#ofOwner.get(owner) === own) this.#ofOwner.delete(owner);
    if (stream !== undefined) add(this.#ofStream, stream, -1);
  }
}

function dismiss(
  own: ReadonlySet<Place> = new Set(),
  code: DismissalCode,
  which: (place: Place) => boolean = () => true,
): void {
  for (const place of own) if (which(place)) place.dismissal.dismiss(code);
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
