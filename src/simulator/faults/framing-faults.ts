// Faults of how events are written and in which pieces they travel.

import { joinBytes } from '../join-bytes.ts';
import { toFrameStep } from '../step.ts';
import type { Frame, Step } from '../step.ts';
import type { FaultOf } from './fault.ts';
import { mapText } from './event-text.ts';

export function dataOnly(steps: Iterable<Step>): Iterable<Step> {
  return mapText(steps, (text) => text.replace(/^event: .*\n/, ''));
}

export function crlf(steps: Iterable<Step>): Iterable<Step> {
  return mapText(steps, (text) => text.replaceAll('\n', '\r\n'));
}

export function* done(steps: Iterable<Step>): Generator<Step> {
  yield* steps;
  yield toFrameStep('data: [DONE]\n\n');
}

/** Each piece leaves alone; where the reader sees the cuts is still up to the network. */
export function* split(steps: Iterable<Step>, { bytes: size }: FaultOf<'split'>): Generator<Step> {
  for (const step of steps) {
    if (step.type !== 'frame') {
      yield step;
      continue;
    }
    const { bytes, gapMs, eventCount = 1 } = step;
    for (let start = 0; start < bytes.length; start += size) {
      const isFirst = start === 0;
      const isLast = start + size >= bytes.length;
      yield {
        type: 'frame',
        bytes: bytes.subarray(start, start + size),
        gapMs: isFirst ? gapMs : 0,
        eventCount: isLast ? eventCount : 0,
        isAlone: true,
      };
    }
  }
}

/** Whatever is no frame comes at its place: what was held back leaves before it. */
export function* merge(steps: Iterable<Step>, { events }: FaultOf<'merge'>): Generator<Step> {
  let held: Frame[] = [];
  for (const step of steps) {
    if (step.type === 'frame') held.push(step);
    if (held.length > 0 && (step.type !== 'frame' || held.length >= events)) {
      yield joined(held);
      held = [];
    }
    if (step.type !== 'frame') yield step;
  }
  if (held.length > 0) yield joined(held);
}

function joined(frames: readonly Frame[]): Frame {
  const sum = (numberOf: (frame: Frame) => number): number =>
    frames.reduce((total, frame) => total + numberOf(frame), 0);
  return {
    type: 'frame',
    bytes: joinBytes(frames.map(({ bytes }) => bytes)),
    gapMs: sum(({ gapMs }) => gapMs),
    eventCount: sum(({ eventCount = 1 }) => eventCount),
    isAlone: true,
  };
}
