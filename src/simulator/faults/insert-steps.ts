// Steps put into an answer at a place of it.

import type { Frame, Step } from '../step.ts';
import type { Place } from './fault.ts';

/**
 * The steps with others in between, behind exactly so many bytes or events. A place inside a frame cuts the frame
 * in two. A place behind the end is never reached.
 */
export function* insertAt(
  steps: Iterable<Step>,
  { atByte, atEvent }: Place,
  toInserted: (isBetweenFrames: boolean) => readonly Step[],
): Generator<Step> {
  const wanted = atEvent ?? atByte ?? 0;
  let reached = 0;
  let isDone = false;
  for (const step of steps) {
    if (isDone || step.type !== 'frame') {
      yield step;
      continue;
    }
    const end = reached + (atEvent === undefined ? step.bytes.length : 1);
    if (wanted >= end) yield step;
    else if (wanted <= reached) yield* [...toInserted(true), step];
    else yield* cutFrame(step, wanted - reached, toInserted(false));
    isDone = wanted < end;
    reached = end;
  }
  if (!isDone && wanted === reached) yield* toInserted(true);
}

function cutFrame(frame: Frame, length: number, inserted: readonly Step[]): Step[] {
  const head = { ...frame, bytes: frame.bytes.subarray(0, length), eventCount: 0 };
  const tail = { ...frame, bytes: frame.bytes.subarray(length), gapMs: 0 };
  return [head, ...inserted, tail];
}
