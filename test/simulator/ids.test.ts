import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createId } from '../../src/simulator/ids.ts';
import { createRandom } from '../../src/simulator/random.ts';

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** The 128 bits of an id's last 22 characters, in hexadecimal. */
function bitsOf(id: string): string {
  let value = 0n;
  for (const character of id.slice(-22)) value = value * 58n + BigInt(base58.indexOf(character));
  return value.toString(16).padStart(32, '0');
}

test('bitsOf() finds the time in a recorded id', () => {
  // Of a request answered on Thu, 20 Aug 2026 15:30:20 GMT.
  const bits = bitsOf('req_011CeEErMAXjjdUpjWmJRxv1');
  assert.equal(new Date(Number.parseInt(bits.slice(0, 12), 16)).toISOString(), '2026-08-20T15:30:19.317Z');
  assert.match(bits, /^.{12}7.{3}[89ab]/);
});

test('createId() with a time makes a version 7 UUID of it, as recorded of requests and messages', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.integer(), (timeMs, seed) => {
      const id = createId('request', createRandom(seed), timeMs);
      assert.match(id, /^req_01[1-9A-HJ-NP-Za-km-z]{22}$/);
      assert.equal(Number.parseInt(bitsOf(id).slice(0, 12), 16), timeMs);
      assert.match(bitsOf(id), /^.{12}7.{3}[89ab].{15}$/);
    }),
  );
  assert.match(createId('message', createRandom(1), Date.UTC(2026, 9, 5)), /^msg_011C/);
});

test('createId() without a time makes 128 random bits, and no more', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const id = createId('toolUse', createRandom(seed));
      assert.match(id, /^toolu_01[1-9A-HJ-NP-Za-km-z]{22}$/);
      assert.equal(bitsOf(id).length, 32);
    }),
  );
});
