// How models are asked to go on with an answer, where they have said how.

import { continuationModeOf } from './recovery.ts';
import type { ContinuationMode } from './recovery.ts';

/** The most models that are remembered. */
const maxModels = 1000;

export class ContinuationModes {
  readonly #learned = new Map<string, ContinuationMode>();

  of(model: string): ContinuationMode {
    return this.#learned.get(model) ?? continuationModeOf(model);
  }

  learn(model: string, mode: ContinuationMode): void {
    if (this.#learned.size >= maxModels) this.#learned.clear();
    this.#learned.set(model, mode);
  }
}
