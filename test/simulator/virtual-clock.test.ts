import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startSimulator, VirtualClock } from '../../src/simulator/index.ts';
import { askEvents, post, toBody } from './ask.ts';

describe('VirtualClock', () => {
  test('fires timers in the order in which they are due, and now() is then the time each was due', async () => {
    const clock = new VirtualClock(1000);
    const fired: [string, number][] = [];
    const set = (name: string, delayMs: number): (() => void) =>
      clock.setTimer(() => fired.push([name, clock.now()]), delayMs);
    set('late', 30);
    set('early', 10);
    set('early too', 10);
    set('cancelled', 20)();
    set('behind the end', 41);
    await clock.advance(40);
    assert.deepEqual(fired, [
      ['early', 1010],
      ['early too', 1010],
      ['late', 1030],
    ]);
    assert.deepEqual([clock.now(), clock.timerCount], [1040, 1]);
  });

  test('fires timers set in consequence in the same advance', async () => {
    const clock = new VirtualClock(0);
    const times: number[] = [];
    const again = (): void => {
      times.push(clock.now());
      void Promise.resolve().then(() => clock.setTimer(again, 10));
    };
    clock.setTimer(again, 10);
    await clock.advance(35);
    assert.deepEqual(times, [10, 20, 30]);
  });

  test('runUntil() gives an answer of minutes at once, with the result of the promise', async () => {
    const clock = new VirtualClock();
    await using simulator = await startSimulator({ clock, pace: { tokensPerSecond: 1 } });
    const startMs = clock.now();
    const events = await clock.runUntil(askEvents(simulator, toBody('long 200')));
    assert.equal(events.at(-1)?.name, 'message_stop');
    assert.ok(clock.now() - startMs > 3 * 60_000, `${clock.now() - startMs} ms`);
    assert.equal(clock.timerCount, 0);
  });

  test('runUntil() throws the reason of a promise that is rejected', async () => {
    const clock = new VirtualClock();
    const failing = new Promise((_resolve, reject) => {
      clock.setTimer(() => reject(new Error('it failed')), 5);
    });
    await assert.rejects(clock.runUntil(failing), /it failed/);
  });

  test('advance() lets pings of a silence come, each when it is due', async () => {
    const clock = new VirtualClock();
    const faults = { kind: 'stall', atEvent: 4 } as const;
    await using simulator = await startSimulator({ clock, speed: 0, faults });
    const response = await post(simulator, toBody('Hi', { stream: true }));
    await clock.whenWaiting();
    const [request] = simulator.requests;
    for (const pings of [1, 2, 3]) {
      await clock.advance(30_000);
      await simulator.waitFor(({ eventsSent }) => eventsSent === 4 + pings);
    }
    await clock.advance(29_999);
    assert.equal(request?.eventsSent, 7);
    await response.body?.cancel();
  });

  test('refuses to go back, and to begin at no time', async () => {
    assert.throws(() => new VirtualClock(Number.NaN), RangeError);
    await assert.rejects(new VirtualClock().advance(-1), RangeError);
  });
});
