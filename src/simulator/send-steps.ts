// The steps of an answer, each at its time, with a ping for every long silence.

import { setImmediate as nextTurn } from 'node:timers/promises';

import { breakOff } from './break-off.ts';
import type { Clock } from './clock.ts';
import { pingFrame } from './frame-writer.ts';
import { mostEventsPerWrite } from './network-writes.ts';
import type { Outlet } from './outlet.ts';
import type { Close, Silence, Step } from './step.ts';

/** Pings come on a timer that runs from the beginning of the stream, not from the last byte. */
const pingIntervalMs = 30_000;
/** A stream that had bytes within this time before the timer fires is not silent. */
const silenceMs = 15_000;

export interface StepSender {
  readonly outlet: Outlet;
  readonly clock: Clock;
  /** Called for each frame handed over, pings of silence included. */
  readonly onSent: (byteCount: number, eventCount: number) => void;
}

/**
 * Sends the steps and ends the response. Takes the next step only when the one before it was taken by the
 * connection, and none any more when the reader has gone. Frames without gaps use no timer and no clock.
 */
export async function sendSteps(steps: Iterable<Step>, sender: StepSender): Promise<void> {
  const { outlet, clock } = sender;
  const schedule = new Schedule(clock.now());
  let eventsInTurn = 0;
  for (const step of steps) {
    if (step.type === 'close') return close(step, outlet);
    if (step.type === 'silence') await keepSilent(step, sender);
    else if (step.gapMs > 0) {
      await waitForGap(step.gapMs, schedule, sender);
      eventsInTurn = 0;
    }
    if (!outlet.isOpen) return;
    if (step.type === 'silence') continue;
    const room = send(step.bytes, sender, step.eventCount);
    if (room !== undefined) await room;
    eventsInTurn += step.eventCount ?? 1;
    if (eventsInTurn >= mostEventsPerWrite || step.isAlone === true) {
      eventsInTurn = 0;
      await leaveTurn(step.isAlone === true);
    }
  }
  if (outlet.isOpen) outlet.end();
}

/** Sockets have had their turn for certain only when two are over. */
async function leaveTurn(isToSockets: boolean): Promise<void> {
  await nextTurn();
  if (isToSockets) await nextTurn();
}

async function close(step: Close, outlet: Outlet): Promise<void> {
  if (step.by !== 'end') await breakOff(outlet, step);
  else if (outlet.isOpen) outlet.end();
}

/** The clock says when a ping is due, not the timer: timers may fire a little early. */
async function keepSilent({ durationMs, pingMs }: Silence, sender: StepSender): Promise<void> {
  const { outlet, clock } = sender;
  const endMs = clock.now() + durationMs;
  let pingAtMs = clock.now() + pingMs;
  for (let now = clock.now(); now < endMs && outlet.isOpen; now = clock.now()) {
    await outlet.pause(Math.min(pingAtMs, endMs) - now);
    if (!outlet.isOpen || clock.now() < pingAtMs || clock.now() >= endMs) continue;
    pingAtMs = clock.now() + pingMs;
    await send(Buffer.from(pingFrame), sender);
  }
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

async function waitForGap(gapMs: number, schedule: Schedule, sender: StepSender): Promise<void> {
  const { outlet, clock } = sender;
  let silentSinceMs = clock.now();
  const dueMs = schedule.dueAfter(gapMs, silentSinceMs);
  // Late, and still a write of its own.
  if (dueMs <= silentSinceMs) await nextTurn();
  for (let now = silentSinceMs; now < dueMs && outlet.isOpen; now = clock.now()) {
    const tickMs = schedule.nextTickMs(now);
    await outlet.pause(Math.min(tickMs, dueMs) - now);
    const isSilent = clock.now() >= tickMs && clock.now() - silentSinceMs >= silenceMs;
    if (!isSilent || tickMs >= dueMs || !outlet.isOpen) continue;
    await send(Buffer.from(pingFrame), sender);
    silentSinceMs = clock.now();
  }
}

function send(bytes: Uint8Array, { outlet, onSent }: StepSender, eventCount = 1): Promise<void> | undefined {
  const room = outlet.write(bytes);
  onSent(bytes.length, eventCount);
  return room;
}
