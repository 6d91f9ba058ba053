import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLimiter, Millrace, QueueFullError } from 'millrace/client';
import type { Limiter, Slot } from 'millrace/client';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
const whole = sse(messageStart, ...textEvents(0, 'Hel', 'lo'), ...messageEnd);
const clientOf = (body: BodyInit): Millrace =>
  new Millrace({ apiKey: 'k', fetch: async () => new Response(body), retry: { maxRetries: 0 } });

/** The order in which those who wait get the only slot, by name. */
async function orderOf(names: readonly (readonly [name: string, key: string])[]): Promise<string[]> {
  const limiter = createLimiter({ concurrency: 1 });
  const first = await limiter.acquire();
  const order: string[] = [];
  const all = names.map(([name, key]) => limiter.run(() => order.push(name), { key }));
  first.release();
  await Promise.all(all);
  return order;
}

test('Limiter lets no more run than its concurrency, and all of them in the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat(4), { maxLength: 40 }),
      async (concurrency, turns) => {
        const limiter = createLimiter({ concurrency });
        let running = 0;
        let most = 0;
        const tasks = turns.map((waits, index) =>
          limiter.run(
            async () => {
              running += 1;
              most = Math.max(most, running);
              assert.ok(running <= limiter.running);
              for (let turn = 0; turn < waits; turn += 1) await Promise.resolve();
              running -= 1;
              if (waits === 3) throw new Error('its own');
              return index;
            },
            { key: String(waits) },
          ),
        );
        const settled = await Promise.allSettled(tasks);
        assert.deepEqual(
          settled.map((result) => (result.status === 'fulfilled' ? result.value : 'failed')),
          turns.map((waits, index) => (waits === 3 ? 'failed' : index)),
        );
        assert.ok(most <= concurrency);
        assert.deepEqual([limiter.running, limiter.queued], [0, 0]);
      },
    ),
    { numRuns: 40 },
  );
});

test('Limiter serves keys in turn, and each key in order', async () => {
  const order = await orderOf([
    ['a1', 'a'],
    ['a2', 'a'],
    ['a3', 'a'],
    ['b1', 'b'],
    ['c1', 'c'],
    ['b2', 'b'],
  ]);
  assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
});

test('Limiter tells those who wait how many are before them, as it changes', async () => {
  const limiter = createLimiter({ concurrency: 1 });
  const slot = await limiter.acquire();
  const told: Record<string, number[]> = { a1: [], a2: [], b1: [] };
  const waiting = Object.entries(told).map(([name, positions]) =>
    limiter.acquire({ key: name.slice(0, 1), onPosition: (position) => positions.push(position) }),
  );
  await Promise.resolve();
  assert.deepEqual(told, { a1: [0], a2: [2], b1: [1] });
  slot.release();
  (await waiting[0])?.release();
  (await waiting[2])?.release();
  (await waiting[1])?.release();
  assert.deepEqual(told, { a1: [0], a2: [2, 1, 0], b1: [1, 0] });
});

test('Limiter lets go of who aborts while waiting, with the reason, and keeps the others’ places', async () => {
  const limiter = createLimiter({ concurrency: 1 });
  const slot = await limiter.acquire();
  const controller = new AbortController();
  const { signal } = controller;
  const left = limiter.acquire({ signal, key: 'a' });
  const stays = limiter.acquire({ key: 'a' });
  controller.abort('enough');
  await assert.rejects(left, (reason) => reason === 'enough');
  await assert.rejects(limiter.acquire({ signal }), (reason) => reason === 'enough');
  assert.equal(limiter.queued, 1);
  slot.release();
  (await stays).release();
  assert.deepEqual([limiter.running, limiter.queued], [0, 0]);
  const used = new AbortController();
  await limiter.run(() => undefined, { signal: used.signal });
  assert.deepEqual(getEventListeners(used.signal, 'abort'), []);
});

test('Limiter refuses more than maxQueued, and options out of range', async () => {
  const limiter = createLimiter({ concurrency: 1, maxQueued: 1 });
  const slot = await limiter.acquire();
  const waits = limiter.acquire();
  await assert.rejects(limiter.acquire(), (error) => {
    assert.ok(error instanceof QueueFullError);
    assert.equal(error.code, 'queue_full');
    return true;
  });
  slot.release();
  slot.release();
  (await waits)[Symbol.dispose]();
  assert.equal(limiter.running, 0);
  assert.throws(() => createLimiter({ concurrency: 0 }), RangeError);
  assert.throws(() => createLimiter({ concurrency: 1.5 }), RangeError);
  assert.equal(createLimiter({ concurrency: Infinity }).concurrency, Infinity);
  assert.throws(() => createLimiter({ concurrency: 1, maxQueued: -1 }), RangeError);
});

const ways: readonly [name: string, leave: (limiter: Limiter) => Promise<void>][] = [
  [
    'a stream that is complete',
    async (limiter) => {
      const stream = await limiter.stream(() => clientOf(whole).messages.stream(params));
      assert.equal(limiter.running, 1);
      assert.equal(await stream.finalText(), 'Hello');
    },
  ],
  [
    'a stream that fails',
    async (limiter) => {
      const stream = await limiter.stream(() => clientOf('<html>').messages.stream(params));
      await assert.rejects(stream.done(), { code: 'not_an_event_stream' });
    },
  ],
  [
    'a stream whose only loop is left',
    async (limiter) => {
      const stream = await limiter.stream(() => clientOf(whole).messages.stream(params));
      for await (const text of stream.textStream) if (text !== '') break;
      await stream.closed;
    },
  ],
  [
    'a stream that is disposed of unread',
    async (limiter) => {
      await using stream = await limiter.stream(() => clientOf(new ReadableStream()).messages.stream(params));
      assert.equal(stream.ended, false);
    },
  ],
  [
    'events whose loop is left',
    async (limiter) => {
      const create = () => clientOf(whole).messages.create({ ...params, stream: true });
      const events = await limiter.stream(create);
      for await (const event of events) if (event.type === 'content_block_start') break;
    },
  ],
  [
    'a request that is refused',
    async (limiter) => {
      const create = () => clientOf('no').messages.create({ ...params, stream: true }, { maxKeptBytes: -1 });
      await assert.rejects(limiter.stream(create), RangeError);
    },
  ],
  [
    'an iteration that is left',
    async (limiter) => {
      const open = () => clientOf(whole).messages.stream(params).textStream;
      for await (const text of limiter.iterate(open)) if (text === 'Hel') break;
    },
  ],
  [
    'an iteration that fails',
    async (limiter) => {
      const open = () => clientOf('').messages.stream(params);
      await assert.rejects(async () => {
        for await (const event of limiter.iterate(open)) assert.fail(event.type);
      });
    },
  ],
  [
    'a task that throws at once',
    async (limiter) => {
      const task = (): never => {
        throw new Error('mine');
      };
      await assert.rejects(limiter.run(task), /mine/);
    },
  ],
];

for (const [name, leave] of ways) {
  test(`Limiter has its slot back after ${name}`, async () => {
    const limiter = createLimiter({ concurrency: 1 });
    await leave(limiter);
    const slot: Slot = await limiter.acquire();
    assert.equal(limiter.running, 1);
    slot.release();
  });
}
