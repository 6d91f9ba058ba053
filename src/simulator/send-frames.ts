// The frames of a stream, each at its time, with a ping for every long silence.

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Clock } from './clock.ts';
import type { Outlet } from './outlet.ts';
import { pingFrame } from './to-frame.ts';

export interface TimedFrame {
  readonly bytes: Uint8Array;
  /** The time since the frame before it. */
  readonly gapMs: number;
}

/** Pings come on a timer that runs from the beginning of the stream, not from the last byte. */
const pingIntervalMs = 30_000;
/** A stream that had bytes within this time before the timer fires is not silent. */
const silenceMs = 15_000;

/** Frames written in a row before others get a turn. */
const framesPerTurn = 32;

export interface FrameSender {
  readonly outlet: Outlet;
  readonly clock: Clock;
  /** Called for each frame handed over, pings of silence included. */
  readonly onSent: (byteCount: number) => void;
}

/**
 * Sends the frames and ends the response. Takes the next frame only when the one before it was taken by the
 * connection, and none any more when the reader has gone. Frames without gaps use no timer and no clock.
 */
export async function sendFrames(frames: Iterable<TimedFrame>, sender: FrameSender): Promise<void> {
  const { outlet, clock } = sender;
  const schedule = new Schedule(clock.now());
  let framesInTurn = 0;
  for (const { bytes, gapMs } of frames) {
    if (gapMs > 0) {
      await waitForGap(gapMs, schedule, sender);
      framesInTurn = 0;
    }
    if (!outlet.isOpen) return;
    const room = send(bytes, sender);
    if (room !== undefined) await room;
    framesInTurn += 1;
    if (framesInTurn >= framesPerTurn) {
      framesInTurn = 0;
      await nextTurn();
    }
  }
  if (outlet.isOpen) outlet.end();
}

/** When frames are due, and when the ping timer fires. */
class Schedule {
  readonly #startMs: number;
  #dueMs: number;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#dueMs = nowMs;
  }

  /**
   * When the next frame is due. Gaps add up from when the last one was, so that late timers are made up for; the
   * time a slow reader took is not.
   */
  dueAfter(gapMs: number, nowMs: number): number {
    this.#dueMs = Math.max(this.#dueMs + gapMs, nowMs);
    return this.#dueMs;
  }

  nextTickMs(nowMs: number): number {
    const ticks = Math.floor((nowMs - this.#startMs) / pingIntervalMs) + 1;
    return this.#startMs + ticks * pingIntervalMs;
  }
}

async function waitForGap(gapMs: number, schedule: Schedule, sender: FrameSender): Promise<void> {
  const { outlet, clock } = sender;
  let silentSinceMs = clock.now();
  const dueMs = schedule.dueAfter(gapMs, silentSinceMs);
  for (let now = silentSinceMs; now < dueMs && outlet.isOpen; now = clock.now()) {
    const tickMs = schedule.nextTickMs(now);
    await outlet.pause(Math.min(tickMs, dueMs) - now);
    const isSilent = clock.now() >= tickMs && clock.now() - silentSinceMs >= silenceMs;
    if (!isSilent || tickMs >= dueMs || !outlet.isOpen) continue;
    await send(Buffer.from(pingFrame), sender);
    silentSinceMs = clock.now();
  }
}

function send(bytes: Uint8Array, { outlet, onSent }: FrameSender): Promise<void> | undefined {
  const room = outlet.write(bytes);
  onSent(bytes.length);
  return room;
}
