// How many requests came in the last minute: exactly, so that there are never more in any.

const minuteMs = 60_000;

export class RequestRate {
  /** Of the requests let through, oldest first; none is older than a minute when they are counted. */
  #times: number[] = [];

  /** Lets one more through, or says in how many milliseconds it may come. */
  take(limit: number, nowMs: number): number | undefined {
    if (limit === Infinity) return undefined;
    // By a clock that was ahead and is set back: none holds anybody back for longer than a minute.
    if ((this.#times.at(-1) ?? nowMs) > nowMs) this.#times = this.#times.map((time) => Math.min(time, nowMs));
    const firstKept = this.#times.findIndex((time) => time > nowMs - minuteMs);
    this.#times = firstKept < 0 ? [] : this.#times.slice(firstKept);
    if (this.#times.length < limit) {
      this.#times.push(nowMs);
      return undefined;
    }
    return (this.#times.at(-limit) ?? nowMs) + minuteMs - nowMs;
  }

  /** Nothing of it counts any more. */
  isIdle(nowMs: number): boolean {
    return (this.#times.at(-1) ?? -Infinity) <= nowMs - minuteMs;
  }
}
