// One answer for any number of readers: pulls an event when the foremost reader asks for one, and keeps it for the
// others.

import type { ClientEvent } from './answer.ts';
import type { StreamEnding } from './stream-ending.ts';
import type { AnswerSource, EventQueue } from './answer-source.ts';
import { KeptEvents } from './kept-events.ts';

export interface FeedHooks {
  /** Called with every event when it is taken. */
  readonly onEvent?: (event: ClientEvent) => void;
  /** Called once, when the answer has its ending and every event of it was taken. */
  readonly onEnd?: () => void;
}

export class EventFeed {
  readonly kept: KeptEvents;
  /** Resolves when the answer has its ending, whatever it is. */
  readonly closed: Promise<void>;
  readonly #answer: AnswerSource;
  readonly #hooks: FeedHooks;
  readonly #close: () => void;
  #isClosed = false;
  /** Whether there is something to read; undefined until that is known. */
  #isOpen: boolean | undefined;
  readonly #opened: Promise<boolean>;
  /** What is left of the chunk that was read last. */
  #chunk: EventQueue | undefined;
  #isTaking = false;
  /** The read that is under way, shared by all who wait for it. */
  #reading: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  /** `opened` never rejects. */
  constructor(answer: AnswerSource, options: FeedHooks & { opened: Promise<boolean>; maxKeptBytes: number }) {
    this.#answer = answer;
    this.#hooks = options;
    this.kept = new KeptEvents(options.maxKeptBytes);
    let close = (): void => undefined;
    this.closed = new Promise((resolve) => {
      close = resolve;
    });
    this.#close = close;
    this.#opened = options.opened.then((isOpen) => {
      this.#isOpen = isOpen;
      this.#settle();
      return isOpen;
    });
  }

  get ending(): StreamEnding | undefined {
    return this.#answer.ending;
  }

  /** Whether somebody wants the whole answer. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Takes one more event of the chunk that is there; false when there is none, or one is just being taken. */
  take(): boolean {
    if (this.#chunk === undefined || this.#isTaking) return false;
    this.#isTaking = true;
    try {
      const event = this.#chunk.shift();
      if (event === undefined) {
        this.#chunk = undefined;
      } else {
        this.kept.push(event);
        this.#hooks.onEvent?.(event);
      }
      if (this.#answer.ending !== undefined) this.#settle();
      return event !== undefined;
    } finally {
      this.#isTaking = false;
    }
  }

  /** Waits until there may be more to take. Never rejects. */
  readOn(): Promise<void> {
    // Who asks from within a listener waits until the event has been told to all.
    if (this.#chunk !== undefined) return Promise.resolve();
    this.#reading ??= this.#readChunk().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Reads to the end, at the stream's own pace. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#takeAll();
    return this.#running;
  }

  /** Ends the transfer at once. Never rejects. */
  async cancel(reason: unknown): Promise<void> {
    await this.#answer.cancel(reason);
    this.#settle();
  }

  async #takeAll(): Promise<void> {
    // Who asked for it may still add listeners.
    await Promise.resolve();
    for (;;) {
      if (this.take()) continue;
      if (this.ending !== undefined) break;
      await this.readOn();
    }
  }

  async #readChunk(): Promise<void> {
    if (this.#isOpen !== true && !(await this.#opened)) return;
    this.#chunk = await this.#answer.readChunk();
    if (this.#answer.ending !== undefined) this.take();
  }

  #settle(): void {
    if (this.#isClosed || this.#answer.ending === undefined) return;
    this.#isClosed = true;
    this.#close();
    this.#hooks.onEnd?.();
  }
}
