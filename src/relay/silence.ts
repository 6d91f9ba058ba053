// How long a connection has been silent: one timer for its whole life.

/** What Node's timers have, and what saves a new one for each frame. */
interface Refreshable {
  refresh?: () => unknown;
}

export class Silence {
  readonly #limitMs: number;
  /** Undefined when it has fired, or was stopped. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  /** Who waits for it. */
  #tell: (() => void) | undefined;

  /** Begins at once. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#start();
  }

  /** Something was said: the silence begins anew. */
  restart(): void {
    this.#isOver = false;
    const { refresh } = (this.#timer ?? {}) as Refreshable;
    if (refresh === undefined) this.#start();
    else refresh.call(this.#timer);
  }

  /** Calls `tell` once the limit has passed; in place of the one told before, and never when it was stopped. */
  tellPassed(tell: () => void): void {
    this.#tell = tell;
    if (this.#isOver) tell();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#isOver = true;
      this.#tell?.();
    }, this.#limitMs);
  }
}
