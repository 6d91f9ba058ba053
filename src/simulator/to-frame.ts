// Events as bytes, with the padding by which the API hides how long a delta is.

import { encodeSse } from '../protocol/index.ts';
import type { KnownStreamEvent } from '../protocol/index.ts';
import { drawInteger } from './random.ts';
import type { Random } from './random.ts';

/** Recorded pings have a space after the colon and no padding. */
export const pingFrame = 'event: ping\ndata: {"type": "ping"}\n\n';

/** What an event's frame ends with: the place of the padding is before it. */
const end = '}\n\n';

/** The frame of an event with 0 to 15 spaces, each length as often, before the last brace of its JSON. */
export function toFrame(event: KnownStreamEvent, random: Random): string {
  if (event.type === 'ping') return pingFrame;
  const frame = encodeSse(event);
  return frame.slice(0, -end.length) + ' '.repeat(drawInteger(random, 0, 15)) + end;
}
