// How fast a model writes. Figures from network recordings of claude-sonnet-4-6: message_start to the first delta
// arrive together; then a delta every 39 to 68 ms, and now and then a pause of 680 to 723 ms with five to seven
// deltas at once behind it.

import { drawInteger } from './random.ts';
import type { Random } from './random.ts';

/** About one pause in thirty deltas. */
const pauseProbability = 0.03;

export class Pacer {
  readonly #random: Random;
  readonly #speed: number;
  #hasBegun = false;
  /** Deltas still to come without a gap after a pause. */
  #burst = 0;

  /** `speed` 2 is twice as fast; 0 has no gaps at all. */
  constructor(random: Random, speed: number) {
    this.#random = random;
    this.#speed = speed;
  }

  /** The time from the request to the first byte of its answer. */
  firstByteMs(): number {
    return this.#scale(drawInteger(this.#random, 300, 700));
  }

  /** The time between an event and the one before it: only deltas take any. */
  gapMs(eventType: string): number {
    if (eventType !== 'content_block_delta') return 0;
    if (!this.#hasBegun || this.#burst > 0) {
      this.#hasBegun = true;
      this.#burst = Math.max(this.#burst - 1, 0);
      return 0;
    }
    if (this.#random() >= pauseProbability) return this.#scale(drawInteger(this.#random, 39, 68));
    this.#burst = drawInteger(this.#random, 4, 6);
    return this.#scale(drawInteger(this.#random, 680, 723));
  }

  #scale(durationMs: number): number {
    return this.#speed === 0 ? 0 : durationMs / this.#speed;
  }
}
