// When the bytes of a scripted answer come: as the scenario says, and for the rest as those of any other.

import type { Pacer } from '../pacer.ts';
import type { ParsedReply } from './parse-scenario.ts';

/** What of a pacer an answer is sent by. */
export type Timing = Pick<Pacer, 'hasGaps' | 'firstByteMs' | 'gapMs'>;

export function withScriptedTiming(pacer: Timing, reply: ParsedReply): Timing {
  const { delayMs } = reply;
  const scriptedGapMs = 'gapMs' in reply ? reply.gapMs : undefined;
  return {
    hasGaps: scriptedGapMs === undefined ? pacer.hasGaps : scriptedGapMs > 0,
    firstByteMs: () => delayMs ?? pacer.firstByteMs(),
    gapMs: (...event) => {
      if (scriptedGapMs === undefined) return pacer.gapMs(...event);
      return event[0] === 'content_block_delta' ? scriptedGapMs : 0;
    },
  };
}
