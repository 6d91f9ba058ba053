import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';

import { startSimulator, VirtualClock } from '../../src/simulator/index.ts';
import { Outlet } from '../../src/simulator/outlet.ts';
import { Pacer } from '../../src/simulator/pacer.ts';
import type { PaceOptions } from '../../src/simulator/pacer.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { sendSteps } from '../../src/simulator/send-steps.ts';
import type { Frame } from '../../src/simulator/step.ts';
import { askEvents, askText, post, textOf, toBody } from './ask.ts';
import { JumpingClock } from './virtual-clock.ts';

function createPacer(options: Partial<PaceOptions>, seed = 1): Pacer {
  return new Pacer({ model: 'claude-sonnet-5', speed: 1, inputTokens: 0, ...options }, createRandom(seed));
}

describe('pacing', () => {
  test('at speed 0 sets no timer', async () => {
    const clock = new JumpingClock();
    await using simulator = await startSimulator({ speed: 0, clock });
    await askText(simulator, toBody('long 300'));
    await (await post(simulator, toBody('long 300'))).text();
    assert.equal(clock.timerCount, 0);
  });

  test('is that of a model at speed 1, and scales with speed', async () => {
    const duration = async (
      speed: number,
      stream: boolean,
    ): Promise<{ elapsedMs: number; characters: number }> => {
      const clock = new JumpingClock();
      await using simulator = await startSimulator({ speed, clock });
      const startMs = clock.now();
      const body = toBody('long 300');
      const events = stream ? await askEvents(simulator, body) : [];
      if (!stream) await (await post(simulator, body)).text();
      return { elapsedMs: clock.now() - startMs, characters: textOf(events).length };
    };
    const { elapsedMs, characters } = await duration(1, true);
    const perSecond = characters / 3.6 / ((elapsedMs - 1500) / 1000);
    assert.ok(perSecond > 30 && perSecond < 80, `${perSecond} tokens a second`);
    assert.ok(Math.abs((await duration(4, true)).elapsedMs - elapsedMs / 4) < 0.01);
    // A message that is not streamed takes as long as its stream would.
    assert.ok(Math.abs((await duration(1, false)).elapsedMs - elapsedMs) < 0.01);
  });

  test('of claude-sonnet-4-6 has its gaps and pauses: about 700 ms before one delta and four to six more', () => {
    const pacer = createPacer({ model: 'claude-sonnet-4-6' });
    assert.equal(pacer.gapMs('message_start'), 0);
    const gaps = Array.from({ length: 20_000 }, () => pacer.gapMs('content_block_delta', 10));
    assert.equal(gaps[0], 0, 'the first delta comes with the first byte');
    const bursts = gaps.slice(1).map((gap) => (gap <= 1 ? String(gap) : gap <= 68 ? 'g' : 'P'));
    assert.ok(gaps.every((gap) => gap <= 1 || (gap >= 37 && gap <= 68) || (gap >= 680 && gap <= 723)));
    assert.match(bursts.join(''), /^(?:g*P10{4,6})+g*(?:P1?0*)?$/);
  });

  test('gives the first byte of each family the time that was recorded', () => {
    const medianOf = (model: string): number => {
      const times = Array.from({ length: 999 }, (_, seed) => createPacer({ model }, seed).firstByteMs());
      return times.toSorted((a, b) => a - b)[499] ?? 0;
    };
    // Medians of 43, 68, 27 and 16 recordings: 1096, 520, 1421 and 516 ms.
    for (const [model, recordedMs] of [
      ['claude-sonnet-4-0', 1096],
      ['claude-haiku-4-5', 520],
      ['claude-sonnet-4-5', 1421],
      ['claude-3-5-haiku-latest', 516],
    ] as const) {
      assert.ok(Math.abs(medianOf(model) / recordedMs - 1) < 0.1, `${model}: ${medianOf(model)} ms`);
    }
  });

  test('with a pace is exactly that, without pauses, and speed scales it', async () => {
    for (const speed of [1, 4]) {
      const clock = new VirtualClock();
      const pace = { firstByteMs: 2000, tokensPerSecond: 10 };
      await using simulator = await startSimulator({ clock, pace, speed });
      const startMs = clock.now();
      // 3,600 characters are 1,000 tokens; those of the first delta come with the first byte.
      const events = await clock.runUntil(askEvents(simulator, toBody(`echo ${'word, '.repeat(600)}`)));
      const first = events.find(({ data }) => data.delta?.text !== undefined)?.data.delta?.text ?? '';
      const tokens = 1000 - Math.ceil(first.length / 3.6);
      const expectedMs = (2000 + tokens * 100) / speed;
      assert.ok(Math.abs(clock.now() - startMs - expectedMs) < 0.01, `${clock.now() - startMs} ms`);
    }
  });

  test('with a pace that cannot be is refused with a RangeError that names it', async () => {
    for (const [options, message] of [
      [{ pace: { tokensPerSecond: 0 } }, /pace\.tokensPerSecond 0: a number above 0 is wanted/],
      [{ pace: { tokensPerSecond: Number.NaN } }, /pace\.tokensPerSecond NaN/],
      [{ pace: { firstByteMs: -1 } }, /pace\.firstByteMs -1: a number, 0 or more, is wanted/],
      [{ pace: {}, speed: 0 }, /speed 0 and a pace: one of the two is wanted/],
    ] as const) {
      await assert.rejects(startSimulator(options), { name: 'RangeError', message });
    }
  });
});

/** What a response takes, and when; it takes nothing while it is blocked. */
class Collector {
  readonly clock: JumpingClock;
  readonly received: [atMs: number, text: string][] = [];
  readonly response: Writable;
  readonly startMs: number;
  /** Lets the write that waits go through. */
  release: (() => void) | undefined;

  constructor(clock: JumpingClock, isBlocked = false) {
    this.clock = clock;
    this.startMs = clock.now();
    this.response = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, callback) => {
        this.received.push([clock.now() - this.startMs, chunk.toString()]);
        if (isBlocked) this.release = callback;
        else callback();
      },
    });
  }

  send(frames: Iterable<Frame>): Promise<void> {
    const outlet = new Outlet(this.response as unknown as ServerResponse, this.clock);
    return sendSteps(frames, { outlet, clock: this.clock, onSent: () => undefined });
  }
}

function* toFrames(gapsMs: readonly number[]): Generator<Frame> {
  for (const [index, gapMs] of gapsMs.entries())
    yield { type: 'frame', bytes: Buffer.from(String(index)), gapMs };
}

const ping = 'event: ping\ndata: {"type": "ping"}\n\n';

describe('sendSteps()', () => {
  test('sends a ping every 30 s of silence, on a timer that runs from the start', async () => {
    const collector = new Collector(new JumpingClock());
    await collector.send(toFrames([0, 40_000, 100_000]));
    assert.deepEqual(collector.received, [
      [0, '0'],
      [30_000, ping],
      [40_000, '1'],
      [60_000, ping],
      [90_000, ping],
      [120_000, ping],
      [140_000, '2'],
    ]);
  });

  test('sends no ping when something came within 15 s before the timer, nor together with a frame', async () => {
    const collector = new Collector(new JumpingClock());
    await collector.send(toFrames([0, 20_000, 35_000, 5000]));
    assert.ok(!collector.received.some(([, text]) => text === ping));
  });

  test('makes up for timers that fire late', async () => {
    const collector = new Collector(new JumpingClock(7));
    await collector.send(toFrames([0, ...Array.from({ length: 100 }, () => 50)]));
    const times = collector.received.map(([atMs]) => atMs);
    for (const [index, atMs] of times.entries())
      assert.ok(atMs - index * 50 <= 7, `frame ${index} at ${atMs} ms`);
  });

  test('does not take the next frame before the last one was taken', async () => {
    const collector = new Collector(new JumpingClock(), true);
    let taken = 0;
    const frames = (function* (): Generator<Frame> {
      for (const frame of toFrames(Array.from({ length: 5 }, () => 0))) {
        taken += 1;
        yield frame;
      }
    })();
    const sending = collector.send(frames);
    for (let count = 1; count <= 5; count += 1) {
      assert.equal(taken, count);
      const drained = new Promise((resolve) => collector.response.once('drain', resolve));
      collector.release?.();
      if (count < 5) await drained;
    }
    await sending;
    assert.equal(collector.received.length, 5);
  });

  test('takes no frame more, and ends the frames, when the connection closes while it waits', async () => {
    const collector = new Collector(new JumpingClock(), true);
    let hasEnded = false;
    const frames = (function* (): Generator<Frame> {
      try {
        yield* toFrames([0, 0, 0]);
      } finally {
        hasEnded = true;
      }
    })();
    const sending = collector.send(frames);
    collector.response.destroy();
    await sending;
    assert.equal(hasEnded, true);
    assert.equal(collector.received.length, 1);
  });
});
