// What a fault may look at beside what it changes.

import type { Random } from '../random.ts';

export interface FaultContext {
  readonly requestId: string;
  /** A sequence that only faults draw from. */
  readonly random: Random;
}
