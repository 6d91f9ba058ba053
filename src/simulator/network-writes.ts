// Which bytes of a stream travel together. Recorded reads (four streams of October 2026, read by read): the first is
// 22 bytes and ends within the name of message_start's data line; the rest of message_start comes with the block's
// start, the ping and the first delta; then what is due at the same time comes at once.

import { FrameWriter } from './frame-writer.ts';
import { joinBytes } from './join-bytes.ts';
import { toFrames } from './step.ts';
import type { EventsStep, Frame, Step } from './step.ts';

/** `event: message_start\nd` */
const firstReadBytes = 22;
const opening = Buffer.from('event: message_start\n');

/** How many events one write gathers at most: as many as are sent in a row before others get a turn. */
export const mostEventsPerWrite = 512;
/** A write that has so many bytes takes no more: they are held in memory. */
const fullBytes = 65_536;

/**
 * The steps of a stream with the frames that are due together in one: with no gap between them, up to `mostEvents`.
 * Nothing is held back that anything but a frame follows, and a frame that is to leave alone does. Each event counts
 * with the write that has its last byte.
 */
export function* toNetworkWrites(
  steps: Iterable<Step | EventsStep>,
  mostEvents: number = mostEventsPerWrite,
): Generator<Step> {
  const held = new HeldFrames(mostEvents);
  for (const step of cutFirst(steps)) {
    if (step.type === 'events') yield* addEvents(step, held);
    else if (step.type === 'frame' && step.isAlone !== true) {
      if (!held.takes(step.gapMs)) yield* held.release();
      held.addFrame(step);
    } else {
      yield* held.release();
      yield step;
    }
  }
  yield* held.release();
}

/** Of a message_start that comes first, the first bytes leave alone. */
function* cutFirst(steps: Iterable<Step | EventsStep>): Generator<Step | EventsStep> {
  let isFirst = true;
  for (const step of steps) {
    if (!isFirst) yield step;
    else if (step.type === 'events') yield* cutFirst(toFrames([step]));
    else if (step.type === 'frame' && step.isAlone !== true && isCutInTwo(step)) {
      yield { ...step, bytes: step.bytes.subarray(0, firstReadBytes), eventCount: 0, isAlone: true };
      yield { ...step, bytes: step.bytes.subarray(firstReadBytes), gapMs: 0 };
    } else yield step;
    isFirst = false;
  }
}

function isCutInTwo({ bytes }: Frame): boolean {
  return bytes.length > firstReadBytes && opening.equals(bytes.subarray(0, opening.length));
}

function* addEvents(step: EventsStep, held: HeldFrames): Generator<Frame> {
  let { events, gapMs } = step;
  while (events.length > 0) {
    if (!held.takes(gapMs)) yield* held.release();
    const { room } = held;
    held.addEvents({ ...step, events: events.slice(0, room), gapMs });
    events = events.slice(room);
    gapMs = 0;
  }
}

/** For all streams: each takes what it has added before another has its turn. */
const writer = new FrameWriter();

/** Frames that wait for others to leave with. */
class HeldFrames {
  readonly #mostEvents: number;
  /** In front of what stands in the writer. */
  #parts: Uint8Array[] = [];
  /** Of the parts. */
  #byteCount = 0;
  /** Whether what stands in the writer belongs here. */
  #isWriting = false;
  #frameCount = 0;
  #eventCount = 0;
  /** Before the first of them. */
  #gapMs = 0;

  constructor(mostEvents: number) {
    this.#mostEvents = mostEvents;
  }

  /** Whether a frame that comes so long after the ones held leaves with them. */
  takes(gapMs: number): boolean {
    if (gapMs > 0 || this.#frameCount === 0 || this.#frameCount >= this.#mostEvents) return false;
    return this.#byteCount + (this.#isWriting ? writer.byteCount : 0) < fullBytes;
  }

  addFrame({ bytes, gapMs, eventCount = 1 }: Frame): void {
    this.#count(gapMs, 1, eventCount);
    this.#takeWritten();
    this.#addPart(bytes);
  }

  /** How many more events it takes. */
  get room(): number {
    return this.#mostEvents - this.#frameCount;
  }

  addEvents({ events, padding, gapMs }: EventsStep): void {
    this.#count(gapMs, events.length, events.length);
    // A stream that failed may have left something.
    if (!this.#isWriting) writer.take();
    this.#isWriting = true;
    writer.add(events, padding);
  }

  /** All of them as one frame, if there are any. */
  *release(): Generator<Frame> {
    if (this.#frameCount === 0) return;
    this.#takeWritten();
    const bytes = joinBytes(this.#parts);
    const [gapMs, eventCount] = [this.#gapMs, this.#eventCount];
    this.#parts = [];
    this.#byteCount = 0;
    this.#frameCount = 0;
    this.#eventCount = 0;
    yield { type: 'frame', bytes, gapMs, eventCount };
  }

  #count(gapMs: number, frameCount: number, eventCount: number): void {
    if (this.#frameCount === 0) this.#gapMs = gapMs;
    this.#frameCount += frameCount;
    this.#eventCount += eventCount;
  }

  #takeWritten(): void {
    if (!this.#isWriting) return;
    this.#isWriting = false;
    this.#addPart(writer.take());
  }

  #addPart(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#byteCount += bytes.length;
  }
}
