// Events for any number of loops, each of which sees all of them from the first on, whenever it begins.

export class EventLog<Event> {
  /** Every event so far: kept for as long as the log is. */
  readonly #events: Event[] = [];
  /** The loops that have seen everything so far. */
  #waiting: (() => void)[] = [];
  #isEnded = false;
  #loops = 0;

  /** How many loops are under way. */
  get loops(): number {
    return this.#loops;
  }

  push(event: Event): void {
    this.#events.push(event);
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** `onLeft` is called when a loop was left before the end. */
  async *read(onLeft: () => void): AsyncGenerator<Event, void, undefined> {
    let position = 0;
    let isLeft = true;
    this.#loops += 1;
    try {
      while (position < this.#events.length || !this.#isEnded) {
        if (position < this.#events.length) {
          yield this.#events[position] as Event;
          position += 1;
        } else {
          await new Promise<void>((resolve) => {
            this.#waiting.push(resolve);
          });
        }
      }
      isLeft = false;
    } finally {
      this.#loops -= 1;
      if (isLeft) onLeft();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
