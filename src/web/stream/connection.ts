// One HTTP exchange and what can cut it: the caller, silence, or the discovery, on waking up, that it has been
// silent for too long already.

import type { Cancel, FollowEnvironment } from './follow-environment.ts';

/** The relay pings at least every 15 s: three of them missing is a dead connection. */
const silenceMs = 45_000;
/** After a wake one ping missing is enough: timers stand still while a machine sleeps. */
const silenceOnWakeMs = 20_000;

export class Connection {
  /** Aborts when the connection is cut, by whomever. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #environment: FollowEnvironment;
  #cancelTimer: Cancel | undefined;
  /** When the last bytes came; undefined while silence is not yet counted. */
  #heardAt: number | undefined;

  constructor(environment: FollowEnvironment, signal: AbortSignal) {
    this.#environment = environment;
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
  }

  /** Bytes came, or may be expected from now on. */
  heard(): void {
    this.#cancelTimer?.();
    this.#heardAt = this.#environment.now();
    this.#cancelTimer = this.#environment.setTimer(() => {
      this.cut(`nothing was received for ${silenceMs / 1000} s`);
    }, silenceMs);
  }

  wake(): void {
    if (this.#heardAt === undefined || this.#environment.now() - this.#heardAt < silenceOnWakeMs) return;
    this.cut(`nothing was received for ${silenceOnWakeMs / 1000} s before the page woke up`);
  }

  /** Ends the exchange; a body that is being read fails. */
  cut(reason: string): void {
    this.#cancelTimer?.();
    this.#controller.abort(new Error(`The connection was cut: ${reason}`));
  }
}
