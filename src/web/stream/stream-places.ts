// Who of an origin's pages may have a stream open. Over HTTP/1.1 a browser opens six connections to an origin, for all
// its tabs together: if streams took them all, no further tab would load, and no stop would reach the relay.
//
// A place is three Web Locks. `millrace-stream-<n>` is the right to it, which can be taken away. Its `-turn` is held by
// a page that is visible, for a turn at a time: who has the turn may take the right. Its `-line` is held for as long as
// the connection of the place is open, so that a place that changes hands never has two.

import type { Cancel } from './follow-environment.ts';
import { holdFirst, holdLock } from './held-lock.ts';
import type { HeldLock } from './held-lock.ts';

export interface Place {
  /** Aborts when the place is another page's: what is open in it is to be closed, and the place released. */
  readonly lost: AbortSignal;
  release(): void;
}

export interface PlacesEnvironment {
  readonly locks: LockManager;
  isVisible(): boolean;
  onVisibilityChange(callback: () => void): Cancel;
  /** Calls back once after `delayMs`. */
  setTimer(callback: () => void, delayMs: number): Cancel;
}

/** Two of the six connections are left for what ends soon: one that loads a page, one that asks or stops. They are also
 * lent for the milliseconds that a browser takes to close a connection which a page has cut. */
const places = [1, 2, 3, 4].map((number) => `millrace-stream-${number}`);
/** How long a visible page reads before another one that waits gets its place: short enough to wait for, and long
 * against the few milliseconds that a new connection costs. */
const turnMs = 2000;
/** How long a page has to close its connection. One that hangs does not. */
const patienceMs = 1000;

/**
 * The places of all pages of an origin.
 *
 * 1. At most four pages have one, unless a page hangs for a second and cannot give its own back.
 * 2. A page that is visible gets one at once, before all that are hidden. When more than four are visible they take
 *    turns of two seconds.
 * 3. A page that is hidden keeps its place until a visible one wants it, and gets one again when one is free.
 * 4. The place of a page that is closed or dies goes to the next.
 * 5. Where the browser refuses locks nobody is counted.
 */
export class StreamPlaces {
  readonly #environment: PlacesEnvironment;

  constructor(environment: PlacesEnvironment) {
    this.#environment = environment;
  }

  /** Waits for a place. An abort rejects with the signal's own reason. */
  async take(signal: AbortSignal): Promise<Place> {
    for (;;) {
      signal.throwIfAborted();
      const place = await this.#takeAsItIs(signal);
      if (place !== undefined) return place;
    }
  }

  /** Undefined when the page was shown or hidden meanwhile, or lost the place before it had it. */
  async #takeAsItIs(signal: AbortSignal): Promise<Place | undefined> {
    const changed = new AbortController();
    const cancel = this.#environment.onVisibilityChange(() => {
      changed.abort();
    });
    const asItIs = AbortSignal.any([signal, changed.signal]);
    try {
      return await (this.#environment.isVisible() ? this.#takeTurn(asItIs) : this.#queue(asItIs));
    } catch (error) {
      if (isRefusal(error)) return uncountedPlace;
      if (signal.aborted || !changed.signal.aborted) throw error;
      return undefined;
    } finally {
      cancel();
    }
  }

  async #takeTurn(signal: AbortSignal): Promise<Place | undefined> {
    const { locks } = this.#environment;
    const turns = (await this.#freeFirst()).map(turnOf);
    const { name, lock: turn } = await holdFirst(locks, turns, signal);
    const place = placeOf(name);
    const right = await holdLock(locks, place, { steal: true });
    return this.#enter(place, { right, turn, signal });
  }

  async #queue(signal: AbortSignal): Promise<Place | undefined> {
    const { name, lock: right } = await holdFirst(this.#environment.locks, places, signal);
    return this.#enter(name, { right, signal });
  }

  /** A page that is hidden need not go as long as there is a place that nobody has. */
  async #freeFirst(): Promise<readonly string[]> {
    const { held = [] } = await this.#environment.locks.query();
    const taken = new Set(held.map(({ name }) => name));
    return places.toSorted((a, b) => Number(taken.has(a)) - Number(taken.has(b)));
  }

  async #enter(
    place: string,
    { right, turn, signal }: { right: HeldLock; turn?: HeldLock; signal: AbortSignal },
  ): Promise<Place | undefined> {
    try {
      const line = await this.#holdLine(place, AbortSignal.any([signal, right.lost]));
      return new HeldPlace(place, { right, turn, line }, this.#environment);
    } catch (error) {
      turn?.release();
      right.release();
      if (!right.lost.aborted) throw error;
      return undefined;
    }
  }

  /** Waits until who had the place before has closed its connection. */
  async #holdLine(place: string, signal: AbortSignal): Promise<HeldLock> {
    const { locks } = this.#environment;
    const patience = new AbortController();
    const cancelTimer = this.#environment.setTimer(() => {
      patience.abort();
    }, patienceMs);
    try {
      return await holdLock(locks, lineOf(place), { signal: AbortSignal.any([signal, patience.signal]) });
    } catch (error) {
      if (signal.aborted || !patience.signal.aborted) throw error;
      return await holdLock(locks, lineOf(place), { steal: true });
    } finally {
      cancelTimer();
    }
  }
}

interface PlaceLocks {
  readonly right: HeldLock;
  readonly turn?: HeldLock | undefined;
  readonly line: HeldLock;
}

class HeldPlace implements Place {
  readonly lost: AbortSignal;
  readonly #left = new AbortController();
  readonly #name: string;
  readonly #locks: PlaceLocks;
  readonly #environment: PlacesEnvironment;

  constructor(name: string, locks: PlaceLocks, environment: PlacesEnvironment) {
    this.lost = locks.right.lost;
    this.#name = name;
    this.#locks = locks;
    this.#environment = environment;
    void this.#keep(AbortSignal.any([this.#left.signal, this.lost]));
  }

  release(): void {
    this.#left.abort();
    this.#locks.line.release();
    this.#locks.right.release();
  }

  /** Holds the turn of the place while the page is visible, but lets others have it that wait for it. */
  async #keep(over: AbortSignal): Promise<void> {
    let { turn } = this.#locks;
    try {
      while (!over.aborted) {
        if (turn !== undefined) await this.#until(false, { signal: over, mostMs: turnMs });
        turn?.release();
        await this.#until(true, { signal: over });
        turn = await holdLock(this.#environment.locks, turnOf(this.#name), { signal: over });
      }
    } catch (error) {
      if (!over.aborted) throw error;
    } finally {
      turn?.release();
    }
  }

  /** Resolves when the page is visible, or is not; after `mostMs` or with an abort whatever it is. */
  #until(
    isVisible: boolean,
    { signal, mostMs }: { readonly signal: AbortSignal; readonly mostMs?: number },
  ): Promise<void> {
    const environment = this.#environment;
    return new Promise((resolve) => {
      const end = (): void => {
        cancelWatch();
        cancelTimer?.();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const look = (): void => {
        if (signal.aborted || environment.isVisible() === isVisible) end();
      };
      const cancelWatch = environment.onVisibilityChange(look);
      const cancelTimer = mostMs === undefined ? undefined : environment.setTimer(end, mostMs);
      signal.addEventListener('abort', end);
      look();
    });
  }
}

function turnOf(place: string): string {
  return `${place}-turn`;
}

function placeOf(turn: string): string {
  return turn.slice(0, -'-turn'.length);
}

function lineOf(place: string): string {
  return `${place}-line`;
}

/** The browser is set to keep nothing, and has no locks then. */
function isRefusal(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'SecurityError';
}

/** For who cannot know of others. */
export const uncountedPlace: Place = {
  lost: new AbortController().signal,
  release: () => undefined,
};
