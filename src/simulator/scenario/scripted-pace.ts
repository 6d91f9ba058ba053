// How fast a scripted answer comes: as the scenario says, and for the rest as any other.

import type { Pacer } from '../pacer.ts';
import type { ParsedReply } from './parse-scenario.ts';

export type Pace = Pick<Pacer, 'firstByteMs' | 'gapMs'>;

export function withTiming(pace: Pace, reply: ParsedReply): Pace {
  const { delayMs } = reply;
  const gapMs = 'gapMs' in reply ? reply.gapMs : undefined;
  return {
    firstByteMs: () => delayMs ?? pace.firstByteMs(),
    gapMs: (eventType) =>
      gapMs === undefined || eventType !== 'content_block_delta' ? pace.gapMs(eventType) : gapMs,
  };
}
