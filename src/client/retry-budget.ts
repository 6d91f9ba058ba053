// What retries may cost a client altogether. While everything fails, a client that retries every request doubles
// the load that makes them fail: after about a hundred retries in a row without a success it fails fast, and the
// first attempt of a request is never held back.

/** Enough for 100 retries of an overloaded server, or 35 of one that is not there. */
const capacity = 500;

export class RetryBudget {
  #left = capacity;

  /** Takes the cost of one retry; false, and nothing taken, when there is not enough. */
  take(cost: number): boolean {
    if (this.#left < cost) return false;
    this.#left -= cost;
    return true;
  }

  /** Gives back what an answer's retries took, and a little for the answer. */
  succeed(taken: number): void {
    this.#left = Math.min(capacity, this.#left + taken + 1);
  }
}
