// Sessions that were ended before their time: a copy is worth nothing at this relay. What one owner ends takes no room
// from others, so that nobody can have a session of somebody else forgotten, and good again.

/** How many are remembered of an owner; each is forgotten when it would have run out. */
const maxOfOwner = 1000;

/** So many more, and those that have run out are forgotten. */
const sweepEvery = 1000;

export interface EndedSession {
  readonly owner: string;
  /** What was signed. */
  readonly said: string;
  readonly runsOutAt: number;
}

interface Ended {
  /** What was signed, and when it runs out. */
  readonly sessions: Map<string, number>;
  /** Whatever runs out no later has ended as well: one of these was forgotten for want of room. */
  until: number;
}

export class EndedSessions {
  readonly #now: () => number;
  readonly #ofOwner = new Map<string, Ended>();
  #added = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  has({ owner, said, runsOutAt }: EndedSession): boolean {
    const ended = this.#ofOwner.get(owner);
    return ended !== undefined && (runsOutAt <= ended.until || ended.sessions.has(said));
  }

  add({ owner, said, runsOutAt }: EndedSession): void {
    this.#added += 1;
    if (this.#added % sweepEvery === 0) this.#sweep();
    const ended = this.#ofOwner.get(owner) ?? { sessions: new Map<string, number>(), until: 0 };
    this.#ofOwner.set(owner, ended);
    ended.sessions.set(said, runsOutAt);
    const [oldest] = ended.sessions;
    if (ended.sessions.size <= maxOfOwner || oldest === undefined) return;
    ended.sessions.delete(oldest[0]);
    ended.until = Math.max(ended.until, oldest[1]);
  }

  #sweep(): void {
    const now = this.#now();
    for (const [owner, { sessions, until }] of this.#ofOwner) {
      for (const [said, runsOutAt] of sessions) if (runsOutAt <= now) sessions.delete(said);
      if (sessions.size === 0 && until <= now) this.#ofOwner.delete(owner);
    }
  }
}
