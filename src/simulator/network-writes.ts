// Which bytes of a stream travel together. Recorded reads (four streams of October 2026, read by read): the first is
// 22 bytes and ends within the name of message_start's data line; the rest of message_start comes with the block's
// start, the ping and the first delta; then what is due at the same time comes at once.

import { joinBytes } from './frame-slab.ts';
import type { Frame, Step } from './step.ts';

/** `event: message_start\nd` */
const firstReadBytes = 22;
const opening = Buffer.from('event: message_start\n');

/** How many events one write gathers at most: as many as are sent in a row before others get a turn. */
export const mostEventsPerWrite = 256;
/** How many bytes it gathers at most: they are held in memory. */
const mostBytesPerWrite = 32_768;

/**
 * The steps of a stream with the frames that are due together in one: with no gap between them, up to `mostEvents`.
 * Nothing is held back that anything but a frame follows, and a frame that is to leave alone does. Each event counts
 * with the write that has its last byte.
 */
export function* toNetworkWrites(
  steps: Iterable<Step>,
  mostEvents: number = mostEventsPerWrite,
): Generator<Step> {
  const held = new HeldFrames(mostEvents);
  let isFirst = true;
  for (const step of steps) {
    if (step.type === 'frame' && isFirst && isCutInTwo(step)) {
      yield { ...step, bytes: step.bytes.subarray(0, firstReadBytes), eventCount: 0, isAlone: true };
      held.add({ ...step, bytes: step.bytes.subarray(firstReadBytes), gapMs: 0 });
    } else if (step.type === 'frame' && held.takes(step)) held.add(step);
    else {
      if (!held.isEmpty) yield held.release();
      if (step.type === 'frame' && step.isAlone !== true) held.add(step);
      else yield step;
    }
    isFirst = false;
  }
  if (!held.isEmpty) yield held.release();
}

function isCutInTwo({ bytes, isAlone }: Frame): boolean {
  return (
    isAlone !== true && bytes.length > firstReadBytes && opening.equals(bytes.subarray(0, opening.length))
  );
}

class HeldFrames {
  readonly #mostEvents: number;
  #frames: Frame[] = [];
  /** Of the frames held. */
  #byteCount = 0;

  constructor(mostEvents: number) {
    this.#mostEvents = mostEvents;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  takes({ bytes, gapMs, isAlone }: Frame): boolean {
    const hasRoom =
      this.#frames.length < this.#mostEvents && this.#byteCount + bytes.length <= mostBytesPerWrite;
    return !this.isEmpty && hasRoom && gapMs === 0 && isAlone !== true;
  }

  add(frame: Frame): void {
    this.#frames.push(frame);
    this.#byteCount += frame.bytes.length;
  }

  /** All of them as one frame. There is at least one. */
  release(): Frame {
    const frames = this.#frames;
    this.#frames = [];
    this.#byteCount = 0;
    const [only] = frames;
    if (frames.length === 1 && only !== undefined) return only;
    return {
      type: 'frame',
      bytes: joinBytes(frames.map(({ bytes }) => bytes)),
      gapMs: only?.gapMs ?? 0,
      eventCount: frames.reduce((sum, { eventCount = 1 }) => sum + eventCount, 0),
    };
  }
}
