// What happens on a connection while an answer is sent, in order. Made one by one as they are taken.

import type { KnownStreamEvent } from '../protocol/index.ts';
import { toFrame } from './frame-writer.ts';
import type { Random } from './random.ts';

export type Step = Frame | Silence | Close;

export interface Frame {
  readonly type: 'frame';
  readonly bytes: Uint8Array;
  /** The time since the frame before it. */
  readonly gapMs: number;
  /** How many events end with it; 1 unless said otherwise. */
  readonly eventCount?: number;
  /** Others get a turn before the next frame, so that a reader can see this one for itself. */
  readonly isAlone?: boolean;
}

/** Events without time between them that are no frames yet: those of many are made at once, for much less. */
export interface EventsStep {
  readonly type: 'events';
  readonly events: readonly KnownStreamEvent[];
  /** Draws the padding of their frames. */
  readonly padding: Random;
  /** The time since the frame before them. */
  readonly gapMs: number;
}

export interface Silence {
  readonly type: 'silence';
  /** Infinity: until the reader leaves. */
  readonly durationMs: number;
  /** The time between pings; Infinity for none. */
  readonly pingMs: number;
}

/** Ends the answer before its end: properly, or by breaking off the connection when the reader has every byte. */
export type Close =
  | { readonly type: 'close'; readonly by: 'end' }
  | { readonly type: 'close'; readonly by: 'fin' | 'rst'; readonly lingerMs: number };

export function toFrameStep(content: string | Uint8Array, gapMs = 0): Frame {
  return { type: 'frame', bytes: typeof content === 'string' ? Buffer.from(content) : content, gapMs };
}

/** The same with a frame for each event. */
export function* toFrames(steps: Iterable<Step | EventsStep>): Generator<Step> {
  for (const step of steps) {
    if (step.type !== 'events') {
      yield step;
      continue;
    }
    let { gapMs } = step;
    for (const event of step.events) {
      yield toFrameStep(toFrame(event, step.padding), gapMs);
      gapMs = 0;
    }
  }
}
