// At most so many things at once, and whose turn is next: owners take turns, so that one with a thousand requests does
// not keep the others waiting.

import { demandCount, demandPositive } from './demand.ts';
import { callSafely, reportFailure } from './report-failure.ts';

export interface LimiterOptions {
  /** How many may run at once. */
  concurrency: number;
  /** How many may wait; past that `acquire` rejects with QueueFullError. Default 10,000. */
  maxQueued?: number | undefined;
}

export interface TurnOptions {
  /** Who asks: those who wait are served in turn by key, and within a key in order. Default one key for all. */
  key?: string | undefined;
  /** Ends the waiting; what runs is its owner's to end. */
  signal?: AbortSignal | undefined;
  /** Called with how many are before this one, when it has to wait and whenever that changes. */
  onPosition?: ((position: number) => void) | undefined;
}

/** A place among those that run, until it is released; twice is once. */
export interface Slot extends Disposable {
  release(): void;
}

export interface Limiter {
  readonly concurrency: number;
  readonly running: number;
  readonly queued: number;
  /** Waits for a slot. Rejects with the signal's reason, or with QueueFullError. */
  acquire(options?: TurnOptions): Promise<Slot>;
  /** Runs a task in a slot, which is free again when the task is settled. */
  run<Value>(task: () => Value | PromiseLike<Value>, options?: TurnOptions): Promise<Value>;
  /** Opens a stream in a slot, which is free again at the stream's ending: somebody has to read it, abort it or
   * dispose of it. */
  stream<Stream extends { readonly closed: Promise<unknown> }>(
    open: () => Stream | PromiseLike<Stream>,
    options?: TurnOptions,
  ): Promise<Stream>;
  /** Iterates in a slot, from the first `next` on until the loop is over or left. */
  iterate<Item>(
    open: () => AsyncIterable<Item> | PromiseLike<AsyncIterable<Item>>,
    options?: TurnOptions,
  ): AsyncIterableIterator<Item, undefined>;
}

/** Too many wait already. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
  readonly code = 'queue_full';

  constructor(maxQueued: number) {
    super(`Cannot wait for a turn: ${maxQueued} wait already`);
  }
}

/**
 * @example
 * const limiter = createLimiter({ concurrency: 4 });
 * const stream = await limiter.stream(() => client.messages.stream(params), { key: userId, signal });
 */
export function createLimiter(options: LimiterOptions): Limiter {
  return new FairLimiter(options);
}

interface Waiter {
  readonly key: string;
  readonly start: () => void;
  readonly onPosition: ((position: number) => void) | undefined;
  position: number;
  previous: Waiter | undefined;
  next: Waiter | undefined;
}

/** Those who wait under one key, in order. A list, so that anybody can leave it at once. */
interface Lane {
  first: Waiter | undefined;
  last: Waiter | undefined;
}

class FairLimiter implements Limiter {
  readonly concurrency: number;
  readonly #maxQueued: number;
  /** The lanes that somebody waits in, the next one first. */
  readonly #lanes = new Map<string, Lane>();
  #running = 0;
  #queued = 0;
  /** Those of the queue who want to know their position. */
  #watching = 0;
  #isTelling = false;

  constructor({ concurrency, maxQueued = 10_000 }: LimiterOptions) {
    this.concurrency = demandPositive('concurrency', concurrency);
    if (concurrency !== Infinity) demandCount('concurrency', concurrency);
    this.#maxQueued = demandCount('maxQueued', maxQueued);
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queued;
  }

  acquire({ key = '', signal, onPosition }: TurnOptions = {}): Promise<Slot> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#running < this.concurrency) return resolve(this.#occupy());
      if (this.#queued >= this.#maxQueued) return reject(new QueueFullError(this.#maxQueued));
      const leave = (): void => {
        this.#remove(waiter);
        reject(signal?.reason);
      };
      const start = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve(this.#occupy());
      };
      const waiter: Waiter = { key, start, onPosition, position: -1, previous: undefined, next: undefined };
      signal?.addEventListener('abort', leave, { once: true });
      this.#add(waiter);
    });
  }

  async run<Value>(task: () => Value | PromiseLike<Value>, options?: TurnOptions): Promise<Value> {
    const slot = await this.acquire(options);
    try {
      return await task();
    } finally {
      slot.release();
    }
  }

  async stream<Stream extends { readonly closed: Promise<unknown> }>(
    open: () => Stream | PromiseLike<Stream>,
    options?: TurnOptions,
  ): Promise<Stream> {
    const slot = await this.acquire(options);
    const release = (): void => slot.release();
    try {
      const stream = await open();
      void stream.closed.then(release, release);
      return stream;
    } catch (error) {
      release();
      throw error;
    }
  }

  async *iterate<Item>(
    open: () => AsyncIterable<Item> | PromiseLike<AsyncIterable<Item>>,
    options?: TurnOptions,
  ): AsyncGenerator<Item, undefined, undefined> {
    const slot = await this.acquire(options);
    try {
      yield* await open();
      return undefined;
    } finally {
      slot.release();
    }
  }

  #occupy(): Slot {
    this.#running += 1;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.#running -= 1;
      this.#startNext();
    };
    return { release, [Symbol.dispose]: release };
  }

  #startNext(): void {
    const [entry] = this.#lanes;
    const [key, lane] = entry ?? [];
    const waiter = lane?.first;
    if (key === undefined || lane === undefined || waiter === undefined) return;
    // The lane goes behind the others, if anybody is left in it.
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    this.#remove(waiter);
    waiter.start();
  }

  #add(waiter: Waiter): void {
    let lane = this.#lanes.get(waiter.key);
    if (lane === undefined) this.#lanes.set(waiter.key, (lane = { first: undefined, last: undefined }));
    waiter.previous = lane.last;
    if (lane.last === undefined) lane.first = waiter;
    else lane.last.next = waiter;
    lane.last = waiter;
    this.#queued += 1;
    if (waiter.onPosition !== undefined) this.#watching += 1;
    this.#tellPositions();
  }

  #remove(waiter: Waiter): void {
    const lane = this.#lanes.get(waiter.key);
    if (lane === undefined) return;
    const { previous, next } = waiter;
    if (previous === undefined) lane.first = next;
    else previous.next = next;
    if (next === undefined) lane.last = previous;
    else next.previous = previous;
    if (lane.first === undefined) this.#lanes.delete(waiter.key);
    this.#queued -= 1;
    if (waiter.onPosition !== undefined) this.#watching -= 1;
    this.#tellPositions();
  }

  /** Once for all changes of a turn; costs nothing when nobody wants to know. */
  #tellPositions(): void {
    if (this.#watching === 0 || this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      let position = 0;
      for (const waiter of this.#inOrder()) {
        if (waiter.position !== position) tellPosition(waiter, position);
        position += 1;
      }
    });
  }

  /** All who wait, as they will be served. */
  #inOrder(): Waiter[] {
    const order: Waiter[] = [];
    let round = [...this.#lanes.values()].flatMap(({ first }) => first ?? []);
    while (round.length > 0) {
      order.push(...round);
      round = round.flatMap(({ next }) => next ?? []);
    }
    return order;
  }
}

function tellPosition(waiter: Waiter, position: number): void {
  waiter.position = position;
  callSafely(
    () => waiter.onPosition?.(position),
    (error) => reportFailure(undefined, 'onPosition', error),
  );
}
