import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createYoungGeneration } from '../../src/cli/young-generation.ts';

const keep = '--semi-space-growth-factor=1';
const grow = '--semi-space-growth-factor=2';

test('the young generation grows while 64 streams say something within 5 s, and stays as it is otherwise', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const set: string[] = [];
  const telemetry = createYoungGeneration({ flags: '', setFlag: (flag) => set.push(flag) });
  assert.deepEqual(set, [keep]);
  const streams = Array.from({ length: 64 }, () => telemetry.begin?.({ atMs: 0, isTakeover: false }));
  const say = (count: number): void => streams.slice(0, count).forEach((told) => told?.moreContent?.([20]));
  say(63);
  say(63);
  assert.deepEqual(set, [keep], 'a stream is counted once');
  say(64);
  assert.deepEqual(set, [keep, grow]);
  t.mock.timers.tick(5000);
  assert.deepEqual(set, [keep, grow], 'there were many');
  say(10);
  t.mock.timers.tick(5000);
  assert.deepEqual(set, [keep, grow, keep]);
  say(64);
  assert.deepEqual(set, [keep, grow, keep, grow]);
});

test('the young generation is left alone where the process was started with a size', () => {
  const set: string[] = [];
  const setFlag = (flag: string): unknown => set.push(flag);
  for (const flags of ['--max-semi-space-size=16', '--inspect --min_semi_space_size=4'])
    assert.deepEqual(createYoungGeneration({ flags, setFlag }), {});
  assert.deepEqual(set, []);
});
