// Faults of the connection: silence, and an end that is none.

import type { Close, Step } from '../step.ts';
import type { FaultOf } from './fault.ts';
import { insertAt } from './insert-steps.ts';

export function cut(steps: Iterable<Step>, { by, lingerMs, ...place }: FaultOf<'cut'>): Iterable<Step> {
  const close: Close = { type: 'close', by, lingerMs };
  return insertAt(steps, place, () => [close]);
}

/** A ping inside a frame would spoil it: there is none where the silence does not fall between two. */
export function stall(
  steps: Iterable<Step>,
  { ms = Infinity, pings, pingMs, ...place }: FaultOf<'stall'>,
): Iterable<Step> {
  return insertAt(steps, place, (isBetweenFrames) => [
    { type: 'silence', durationMs: ms, pingMs: pings && isBetweenFrames ? pingMs : Infinity },
  ]);
}

export function* neverClose(steps: Iterable<Step>): Generator<Step> {
  yield* steps;
  yield { type: 'silence', durationMs: Infinity, pingMs: Infinity };
}
