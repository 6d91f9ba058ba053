// One loop over an answer. Written out and not as an async generator, which costs three times as much for an event
// that is already there.

import type { ClientEvent } from './answer.ts';
import { throwUnlessComplete } from './stream-ending.ts';
import type { EventFeed } from './event-feed.ts';

export interface ReaderOptions<Item> {
  /** What to yield for an event; undefined for nothing. */
  readonly pick: (event: ClientEvent) => Item | undefined;
  readonly onBegin?: () => void;
  /** Called once: when the reader is at the answer's ending, or has left before. */
  readonly onLeave: () => Promise<void> | void;
}

/**
 * Iterates from the first event on, and is done, or rejects, at the answer's ending. Calls of `next` that do not wait
 * for each other are served in order. Rejects with ReaderError when the events it is at are no longer kept.
 */
export class EventReader<Item> implements AsyncIterableIterator<Item, undefined>, AsyncDisposable {
  readonly #feed: EventFeed;
  readonly #options: ReaderOptions<Item>;
  #part: readonly ClientEvent[] | undefined;
  #partNumber = 0;
  #position = 0;
  #hasBegun = false;
  #isDone = false;
  /** The last of the calls that wait. */
  #waiting: Promise<unknown> | undefined;

  constructor(feed: EventFeed, options: ReaderOptions<Item>) {
    this.#feed = feed;
    this.#options = options;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#waiting === undefined && this.#hasBegun && !this.#isDone) {
      try {
        const item = this.#takeItem();
        if (item !== undefined) return Promise.resolve({ value: item, done: false });
      } catch (error) {
        return this.#fail(error);
      }
    }
    const before = this.#waiting;
    const again = (): Promise<IteratorResult<Item, undefined>> => this.#read();
    const result = before === undefined ? this.#read() : before.then(again, again);
    this.#waiting = result;
    const settle = (): void => {
      if (this.#waiting === result) this.#waiting = undefined;
    };
    result.then(settle, settle);
    return result;
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    await this.#leave();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #read(): Promise<IteratorResult<Item, undefined>> {
    if (!this.#hasBegun && !this.#isDone) this.#options.onBegin?.();
    this.#hasBegun = true;
    try {
      while (!this.#isDone) {
        const item = this.#takeItem();
        if (item !== undefined) return { value: item, done: false };
        if (this.#isAtEnding()) break;
        await this.#feed.readOn();
      }
    } catch (error) {
      return this.#fail(error);
    }
    if (this.#isDone) return { value: undefined, done: true };
    await this.#leave();
    throwUnlessComplete(this.#feed.ending);
    return { value: undefined, done: true };
  }

  /** The next item that is there or can be had without waiting. */
  #takeItem(): Item | undefined {
    for (;;) {
      const event = this.#takeEvent();
      if (event === undefined) return undefined;
      const item = this.#options.pick(event);
      if (item !== undefined) return item;
    }
  }

  #takeEvent(): ClientEvent | undefined {
    const { kept } = this.#feed;
    for (;;) {
      this.#part ??= kept.part(this.#partNumber);
      const event = this.#part[this.#position];
      if (event !== undefined) {
        this.#position += 1;
        return event;
      }
      if (this.#partNumber < kept.newest) {
        this.#partNumber += 1;
        this.#part = undefined;
        this.#position = 0;
      } else if (!this.#feed.take()) {
        return undefined;
      }
    }
  }

  #isAtEnding(): boolean {
    return this.#feed.ending !== undefined && this.#partNumber === this.#feed.kept.newest;
  }

  async #fail(error: unknown): Promise<never> {
    await this.#leave();
    throw error;
  }

  async #leave(): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    // It may outlive its loop.
    this.#part = undefined;
    // Who leaves before it has begun leaves too.
    if (!this.#hasBegun) this.#options.onBegin?.();
    this.#hasBegun = true;
    await this.#options.onLeave();
  }
}
