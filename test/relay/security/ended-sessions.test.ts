// reliability, section 4, the row “Auth”: a session that was signed out stays so, whatever others do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndedSessions } from '../../../src/relay/access/ended-sessions.ts';

const many = 1500;

test('EndedSessions keeps what an owner ended, however much others end', () => {
  const ended = new EndedSessions(() => 0);
  const anns = { owner: 'ann', said: 'copied', runsOutAt: 1000 };
  ended.add(anns);
  for (let index = 0; index < 50_000; index += 1)
    ended.add({ owner: `bob-${index % 20}`, said: `${index}`, runsOutAt: 1000 });
  assert.ok(ended.has(anns));
  assert.ok(!ended.has({ ...anns, said: 'another' }));
  assert.ok(!ended.has({ ...anns, owner: 'carl' }));
});

test('EndedSessions that an owner has too many of end those of theirs that began before, and no later one', () => {
  const ended = new EndedSessions(() => 0);
  const session = (index: number) => ({ owner: 'ann', said: `${index}`, runsOutAt: 1000 + index });
  for (let index = 0; index < many; index += 2) ended.add(session(index));
  for (let index = 0; index < many; index += 2) assert.ok(ended.has(session(index)), `${index}`);
  assert.ok(!ended.has(session(1)), 'there was room');
  for (let index = 0; index < many * 2; index += 2) ended.add(session(index));
  for (let index = 0; index < many * 2; index += 2) assert.ok(ended.has(session(index)), `${index}`);
  assert.ok(ended.has(session(1)), 'nobody knows any more which of these was ended');
  assert.ok(!ended.has(session(many * 2 - 1)));
});

test('EndedSessions forgets what has run out', () => {
  let time = 0;
  const ended = new EndedSessions(() => time);
  const first = { owner: 'ann', said: 'first', runsOutAt: 10 };
  ended.add(first);
  time = 10;
  for (let index = 0; index < 1000; index += 1)
    ended.add({ owner: 'bob', said: `${index}`, runsOutAt: 1000 });
  assert.ok(!ended.has(first));
});
