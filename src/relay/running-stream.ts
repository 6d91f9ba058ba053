// A stream that is produced here, with who follows it. To a reader it is also what is to be known of the stream beside
// its log: one object for all readers.

import type { OpenRecord } from '../storage/index.ts';
import type { Turn } from './access/turn.ts';
import type { Loss } from './parting.ts';
import type { Producer } from './producer.ts';
import type { Following } from './read-options.ts';
import type { ReaderOutcome } from './telemetry/telemetry.ts';

export interface RunningOptions {
  readonly producer: Producer;
  readonly turn: Turn;
  readonly open: OpenRecord;
  /** How long it goes on without readers, in milliseconds; undefined for as long as it takes. */
  readonly orphanMs: number | undefined;
}

export interface RunningHooks {
  /** Told when it has been without readers for that long. */
  readonly onOrphaned: () => void;
  /** Told when the producer is done, however; what it resolves with is awaited by `done`. */
  readonly onOver: () => Promise<void>;
  /** Told of each reader who has read. */
  readonly onReaderEnded: (outcome: ReaderOutcome) => void;
}

/** How long readers have to come back that were sent away, or whose stream was taken over, where it goes on only for
 * them. */
export const comeBackMs = 60_000;

export class RunningStream implements Following {
  readonly #options: RunningOptions;
  readonly #hooks: RunningHooks;
  /** Resolves when nothing of it is left to do. */
  readonly done: Promise<void>;
  #readers = 0;
  #orphanTimer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** Sets the producer to work. */
  constructor(options: RunningOptions, hooks: RunningHooks) {
    this.#options = options;
    this.#hooks = hooks;
    // What a producer fails of it tells itself.
    this.done = options.producer.run().then(hooks.onOver, hooks.onOver);
  }

  get producer(): Producer {
    return this.#options.producer;
  }

  get open(): OpenRecord {
    return this.#options.open;
  }

  get turn(): Turn {
    return this.#options.turn;
  }

  get loss(): Loss {
    return this.producer.loss;
  }

  get hasReaders(): boolean {
    return this.#readers > 0;
  }

  /** A reader begins. */
  enter(): this {
    this.#readers += 1;
    clearTimeout(this.#orphanTimer);
    return this;
  }

  /** A reader has read. */
  onEnd(outcome: ReaderOutcome): void {
    this.#hooks.onReaderEnded(outcome);
    this.#readers -= 1;
    // Who was told to come back has yet to do so.
    this.watch(outcome === 'sent_away' ? comeBackMs : 0);
  }

  /** Gives readers their time to come, where it goes on only for them. */
  watch(leastMs = 0): void {
    const { orphanMs } = this.#options;
    if (orphanMs === undefined || this.hasReaders || this.#isOver) return;
    this.#orphanTimer = setTimeout(this.#hooks.onOrphaned, Math.max(orphanMs, leastMs));
  }

  /** It is no more produced here. */
  close(): void {
    this.#isOver = true;
    clearTimeout(this.#orphanTimer);
    this.turn.release();
  }
}
