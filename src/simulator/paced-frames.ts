// The events of a recorded stream whose times are not known, at the simulator's pace.

import { recordedType, splitRecording } from './recorded-frames.ts';
import type { Timing } from './scenario/scripted-timing.ts';
import type { Frame } from './step.ts';

/** About what a recorded delta's frame has around its text. */
const emptyDeltaBytes = 120;

export function* pacedFrames(recording: Uint8Array, timing: Pick<Timing, 'gapMs'>): Generator<Frame> {
  for (const bytes of splitRecording(recording)) {
    const characterCount = Math.max(bytes.length - emptyDeltaBytes, 0);
    yield { type: 'frame', bytes, gapMs: timing.gapMs(recordedType(bytes), characterCount) };
  }
}
