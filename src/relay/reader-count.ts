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
  /** Counts it among the readers of this stream as well; false when the stream has as many as it may. `isForeign` is said
   * of the stream of somebody else, which an operator reads. */
  enter(id: string, options?: { readonly isForeign: boolean }): boolean;
  /** Again it does nothing. */
  readonly leave: () => void;
}

/** What is known of a place. */
interface Held {
  readonly session: string | undefined;
  readonly dismissal: Dismissal;
  isForeign: boolean;
}

export class ReaderCount {
  readonly #limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>;
  /** Streams without a reader are not in it. */
  readonly #ofStream = new Map<string, number>();
  /** Nor are owners without one. */
  readonly #ofOwner = new Map<string, Set<Held>>();
  #all = 0;

  constructor(limits: Pick<RelayLimits, 'maxReaders' | 'maxReadersPerStream'>) {
    this.#limits = limits;
  }

  /** Also those that wait for a stream to begin. */
  get all(): number {
    return this.#all;
  }

  /** Undefined when one more would be one too many. */
  take({ owner, readers, readersPerStream, session }: OwnReaderLimits): ReaderPlace | undefined {
    const own = this.#ofOwner.get(owner) ?? new Set();
    if (this.#all >= this.#limits.maxReaders || own.size >= readers) return undefined;
    const held: Held = { session, dismissal: new Dismissal(), isForeign: false };
    this.#all += 1;
    this.#ofOwner.set(owner, own.add(held));
    let stream: string | undefined;
    let hasLeft = false;
    return {
      dismissal: held.dismissal,
      enter: (id, { isForeign } = { isForeign: false }) => {
        const most = Math.min(this.#limits.maxReadersPerStream, readersPerStream);
        if (hasLeft || (this.#ofStream.get(id) ?? 0) >= most) return false;
        stream = id;
        held.isForeign = isForeign;
        add(this.#ofStream, id, 1);
        return true;
      },
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        this.#all -= 1;
        own.delete(held);
        if (own.size === 0 && this.#ofOwner.get(owner) === own) this.#ofOwner.delete(owner);
        if (stream !== undefined) add(this.#ofStream, stream, -1);
      },
    };
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
    dismiss(this.#ofOwner.get(owner), 'access_ended', (held) => held.session === session);
  }
}

function dismiss(
  own: ReadonlySet<Held> = new Set(),
  code: DismissalCode,
  which: (held: Held) => boolean = () => true,
): void {
  for (const held of own) if (which(held)) held.dismissal.dismiss(code);
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
