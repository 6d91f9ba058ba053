// A producer's lease of its stream, prolonged for as long as it works.

import type { AcquireResult, StreamLog } from '../storage/index.ts';
import { withStore } from './storage-error.ts';

export interface LeaseOptions {
  readonly id: string;
  /** The producer. */
  readonly name: string;
  readonly log: StreamLog;
  /** Milliseconds; need not be the store's clock. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

export interface LeaseHooks {
  /** Somebody asked to stop the stream. */
  readonly onStop: () => void;
  /** Another may have the stream by now. */
  readonly onLost: () => void;
}

/** How long a producer may be silent before another may take its stream. */
const leaseMs = 5_000;

export class Lease {
  readonly #options: LeaseOptions;
  readonly #hooks: LeaseHooks;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Until then nobody else can have the stream, whatever becomes of the store. */
  #heldUntil = 0;
  #isAsking = false;

  constructor(options: LeaseOptions, hooks: LeaseHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  /** Acquires the stream and begins to prolong. Rejects with StorageError. */
  async acquire(): Promise<AcquireResult> {
    const { id, name, log, now } = this.#options;
    const askedAt = now();
    const result = await withStore(`acquire the stream ${id}`, () => log.acquire(id, name, leaseMs));
    if (result.type !== 'acquired') return result;
    this.#heldUntil = askedAt + leaseMs;
    this.#timer = setInterval(() => void this.#renew(), leaseMs / 3);
    return result;
  }

  /** Gives the stream back. */
  async release(): Promise<void> {
    const { id, name, log, onError } = this.#options;
    clearInterval(this.#timer);
    await withStore(`release the stream ${id}`, () => log.release(id, name)).catch(onError);
  }

  async #renew(): Promise<void> {
    const { id, name, log, now, onError } = this.#options;
    // No answer yet, or an error, says nothing about whose the stream is: until the lease would have run out.
    if (this.#isAsking) return this.#checkTime();
    this.#isAsking = true;
    const askedAt = now();
    try {
      const { held, stopRequested } = await withStore(`renew the lease of the stream ${id}`, () =>
        log.renew(id, name, leaseMs),
      );
      if (held) this.#heldUntil = askedAt + leaseMs;
      else this.#hooks.onLost();
      if (stopRequested) this.#hooks.onStop();
    } catch (error) {
      onError(error);
      this.#checkTime();
    } finally {
      this.#isAsking = false;
    }
  }

  #checkTime(): void {
    if (this.#options.now() >= this.#heldUntil) this.#hooks.onLost();
  }
}
