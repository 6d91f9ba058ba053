// The text of an event's frame, read and changed. Frames are those of the simulator or of a recording: one `event:`
// line, one `data:` line.

import { recordedType } from '../recorded-frames.ts';
import type { Frame, Step } from '../step.ts';

/** The type an event's frame names; empty for any other step. */
export function typeOf(step: Step): string {
  return step.type === 'frame' ? recordedType(step.bytes) : '';
}

export function textOf({ bytes }: Frame): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** The index of the block an event is about: the first in its data, whatever stands inside the block. */
export function indexOf(text: string): number | undefined {
  const index = /"index": ?(\d+)/.exec(text)?.[1];
  return index === undefined ? undefined : Number(index);
}

export function withIndex(text: string, index: number): string {
  return text.replace(/("index": ?)\d+/, (_all, name: string) => `${name}${index}`);
}

/** An event's frame. */
export function toEventText(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

/** The steps with each frame's text changed. */
export function* mapText(
  steps: Iterable<Step>,
  change: (text: string, position: number) => string,
): Generator<Step> {
  let position = 0;
  for (const step of steps) {
    if (step.type !== 'frame') {
      yield step;
      continue;
    }
    const text = textOf(step);
    const changed = change(text, position);
    yield changed === text ? step : { ...step, bytes: Buffer.from(changed) };
    position += 1;
  }
}
