// How fast a model writes: when its first byte comes, how fast tokens follow, and the pauses. From recordings: the
// time to the first byte as the network's edge measured it, for each family of models (delta-profiles.ts); gaps and
// pauses read by read, on claude-sonnet-4-6. There message_start and the first delta arrive together; then a delta
// every 39 to 68 ms, or a pause of 680 to 723 ms, one delta, and five to seven at once a millisecond later.

import { deltaProfiles } from './delta-profiles.ts';
import { familyOf } from './model-family.ts';
import type { ModelFamily } from './model-family.ts';
import { drawInteger, drawQuantile } from './random.ts';
import type { Random } from './random.ts';

/** A pace of one's own in place of a model's. */
export interface Pace {
  /** From the request to the first byte of its answer; left out, as the model. */
  firstByteMs?: number | undefined;
  /** Always the same, without pauses; left out, as the model. */
  tokensPerSecond?: number | undefined;
}

export interface PaceOptions extends Pace {
  readonly model: string;
  /** 2 is twice as fast; 0 has no gaps at all. */
  readonly speed: number;
  /** The request's, without those of a cached prefix. */
  readonly inputTokens: number;
}

/**
 * Tokens a second while it writes. Measured: Haiku 4.5 (22 answers), Sonnet 4 (3), Sonnet 4.6 (from its gaps). The
 * others are set beside their nearest of these.
 */
const tokensPerSecond = {
  '3-haiku': 120,
  '3-opus': 30,
  '3.5-haiku': 80,
  '3.5-sonnet': 60,
  '3.7-sonnet': 60,
  'haiku-4.5': 173,
  'opus-4.1': 40,
  'sonnet-4': 50,
  'sonnet-4.5': 60,
  'sonnet-4.6': 55,
  'sonnet-5': 60,
} satisfies Record<ModelFamily, number>;

/** The family whose first byte stands for that of one there are no figures of. */
const alikeInFirstByte: { readonly [Family in ModelFamily]?: ModelFamily } = {
  '3-haiku': '3.5-haiku',
  '3-opus': 'sonnet-4',
  '3.5-sonnet': 'sonnet-4',
  '3.7-sonnet': 'sonnet-4',
  'opus-4.1': 'sonnet-4.5',
  'sonnet-4.6': 'sonnet-4.5',
  'sonnet-5': 'sonnet-4.5',
};

/** Each thousand tokens of input beyond the first few hold up the first byte by so much: an estimate. */
const msPerThousandInputTokens = 10;

/** Gaps vary by so much around what their tokens take. */
const gapFactors = { least: 0.87, most: 1.13 } as const;
/** A delta takes the time of so many tokens even if it has fewer: one of 1 character came as late as those of 8. */
const leastTokens = 2.4;

/** Two of four recorded answers pause behind their first delta; later pauses were not seen, but are reported. */
const pauseShares = { second: 0.5, later: 0.01 } as const;
const pauseMs = { least: 680, most: 723 } as const;
const burstDeltas = { least: 5, most: 7 } as const;
/** Between the delta that ends a pause and the others. */
const burstMs = 1;
/** Half of the blocks end in a read of their own, a few milliseconds behind their last delta. */
const stopMs = { least: 1, most: 12 } as const;

export class Pacer {
  readonly #options: PaceOptions;
  readonly #random: Random;
  readonly #family: ModelFamily;
  /** Deltas that took their time, the opening one included. */
  #deltaCount = 0;
  /** The gaps of the deltas still to come at once after a pause, the last one first. */
  #burstGapsMs: number[] = [];
  #characterCount = 0;

  constructor(options: PaceOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#family = familyOf(options.model);
  }

  /** False when there is no time between any events. */
  get hasGaps(): boolean {
    return this.#options.speed > 0;
  }

  /** The time from the request to the first byte of its answer. */
  firstByteMs(): number {
    const { firstByteMs, inputTokens, speed } = this.#options;
    if (speed === 0) return 0;
    if (firstByteMs !== undefined) return this.#scale(firstByteMs);
    const { firstByteMs: own } = deltaProfiles[this.#family];
    const quantiles = own ?? deltaProfiles[alikeInFirstByte[this.#family] ?? 'sonnet-4.5'].firstByteMs ?? [];
    const readingMs = (inputTokens / 1000) * msPerThousandInputTokens;
    return this.#scale(drawQuantile(quantiles, this.#random()) + readingMs);
  }

  /** The time between an event and the one before it. A delta takes that of the characters it brings. */
  gapMs(eventType: string, characterCount = 0): number {
    if (!this.hasGaps) return 0;
    if (eventType === 'content_block_delta') return this.#scale(this.#deltaGapMs(characterCount));
    if (this.#options.tokensPerSecond !== undefined) return 0;
    if (eventType === 'content_block_stop')
      return this.#scale(drawInteger(this.#random, stopMs.least, stopMs.most));
    return eventType === 'message_delta' && this.#random() < 0.5 ? this.#scale(1) : 0;
  }

  #deltaGapMs(characterCount: number): number {
    const tokensBefore = tokensOf(this.#characterCount);
    this.#characterCount += characterCount;
    this.#deltaCount += 1;
    if (this.#deltaCount === 1) return 0;
    const tokens = tokensOf(this.#characterCount) - tokensBefore;
    const { tokensPerSecond: fixed } = this.#options;
    if (fixed !== undefined) return (tokens / fixed) * 1000;
    return this.#pauseGapMs() ?? this.#writingMs(tokens);
  }

  #writingMs(tokens: number): number {
    const { least, most } = gapFactors;
    const factor = least + this.#random() * (most - least);
    return (Math.max(tokens, leastTokens) / tokensPerSecond[this.#family]) * 1000 * factor;
  }

  /** Undefined when there is neither a pause nor a burst behind one. */
  #pauseGapMs(): number | undefined {
    const burstGapMs = this.#burstGapsMs.pop();
    if (burstGapMs !== undefined) return burstGapMs;
    const share = this.#deltaCount === 2 ? pauseShares.second : pauseShares.later;
    if (this.#random() >= share) return undefined;
    const others = drawInteger(this.#random, burstDeltas.least, burstDeltas.most) - 1;
    this.#burstGapsMs = [...Array.from({ length: others }, () => 0), burstMs];
    return drawInteger(this.#random, pauseMs.least, pauseMs.most);
  }

  #scale(durationMs: number): number {
    return durationMs / this.#options.speed;
  }
}

/** Output characters for a token, about: what a delta is worth in time needs no better count. */
const charactersPerToken = 3.6;

function tokensOf(characterCount: number): number {
  return Math.ceil(characterCount / charactersPerToken);
}
