// How long a connection has been silent: one timer for its whole life.

import { longestTimerMs } from './timers.ts';

/** What Node's timers have, and what saves a new one for each frame. */
interface Refreshable {
  refresh?: () => unknown;
}

export class Silence {
  readonly #limitMs: number;
  /** Undefined when it has fired, or was stopped. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #isStopped = false;
  readonly #onOver: () => void;

  /** Begins at once. A limit that no timer knows is none. `onOver` is called each time it has lasted for so long, and
   * never when it was stopped. */
  constructor(limitMs: number, onOver: () => void) {
    this.#limitMs = limitMs;
    this.#onOver = onOver;
    this.#start();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Something was said: the silence begins anew, unless it was stopped. */
  restart(): void {
    if (this.#isStopped) return;
    this.#isOver = false;
    const { refresh } = (this.#timer ?? {}) as Refreshable;
    if (refresh === undefined) this.#start();
    else refresh.call(this.#timer);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(): void {
    clearTimeout(this.#timer);
    if (this.#limitMs > longestTimerMs) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#isOver = true;
      this.#onOver();
    }, this.#limitMs);
  }
}
