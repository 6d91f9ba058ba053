// Sessions that were ended before their time: a copy is worth nothing at this relay.

/** How many are remembered; each is forgotten when it would have run out. */
const maxEnded = 10_000;

export class EndedSessions {
  readonly #now: () => number;
  /** What was signed, and when it runs out. */
  readonly #ended = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  has(said: string): boolean {
    return this.#ended.has(said);
  }

  add(said: string, runsOutAt: number): void {
    for (const [each, until] of this.#ended) {
      if (until > this.#now() && this.#ended.size < maxEnded) break;
      this.#ended.delete(each);
    }
    this.#ended.set(said, runsOutAt);
  }
}
