import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, createLimiter, Millrace } from 'millrace/client';
import type { AllProgress } from 'millrace/client';
import { startSimulator } from 'millrace/simulator';
import { turnsUntil } from '../support/turns.ts';

const common = { model: 'claude-sonnet-5', max_tokens: 100 };

test('all() gives every answer in the order of the prompts, and one failure does not lose the others', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url, retry: { maxRetries: 0 } });
  const progress: AllProgress[] = [];
  const heard: string[] = [];
  const prompts = [
    'echo one',
    { messages: [{ role: 'user' as const, content: 'echo two' }] },
    { max_tokens: -1 },
    'echo four',
  ];
  const results = await all(client, prompts, {
    params: { ...common, messages: [{ role: 'user', content: 'echo never' }] },
    concurrency: 2,
    onProgress: (step) => progress.push(step),
    onStream: (stream, index) =>
      stream.on('finalMessage', ({ stop_reason }) => heard.push(`${index} ${stop_reason}`)),
  });
  assert.deepEqual(
    results.map(({ index, text, ending }) => [index, text, ending.type]),
    [
      [0, 'one', 'complete'],
      [1, 'two', 'complete'],
      [2, '', 'failed'],
      [3, 'four', 'complete'],
    ],
  );
  assert.ok((results[0]?.usage?.output_tokens ?? 0) > 0);
  assert.equal(results[2]?.attempts.length, 1);
  assert.deepEqual(heard.toSorted(), ['0 end_turn', '1 end_turn', '3 end_turn']);
  assert.equal(progress.length, 8);
  assert.ok(progress.every(({ running, total }) => running <= 2 && total === 4));
  const { finished, complete, running } = progress.at(-1)!;
  assert.deepEqual([finished, complete, running], [4, 3, 0]);
});

test('all() ends what runs and what waits when its signal aborts, and resolves with every ending', async () => {
  let asked = 0;
  const client = new Millrace({
    apiKey: 'k',
    fetch: async () => {
      asked += 1;
      return new Response(new ReadableStream());
    },
  });
  const controller = new AbortController();
  const { signal } = controller;
  const results = all(client, ['a', 'b', 'c', 'd'], { params: common, concurrency: 2, request: { signal } });
  await turnsUntil(() => asked === 2);
  controller.abort('enough');
  assert.deepEqual(
    (await results).map(({ ending }) => [ending.type, 'error' in ending && ending.error]),
    Array.from({ length: 4 }, () => ['aborted', 'enough']),
  );
  assert.equal(asked, 2);
});

test('all() shares a limiter with others, one turn each', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const limiter = createLimiter({ concurrency: 1 });
  const order: string[] = [];
  const ask = (key: string, count: number) =>
    all(
      client,
      Array.from({ length: count }, () => `echo ${key}`),
      {
        params: common,
        limiter,
        key,
        onProgress: ({ result }) => result !== undefined && order.push(result.text),
      },
    );
  await Promise.all([ask('a', 4), ask('b', 2)]);
  assert.deepEqual(order, ['a', 'b', 'a', 'b', 'a', 'a']);
  assert.equal(limiter.running, 0);
});

test('all() gives a prompt for which there was no place in the queue that ending, and goes on', async () => {
  const client = new Millrace({ apiKey: 'k' });
  const limiter = createLimiter({ concurrency: 1, maxQueued: 0 });
  const slot = await limiter.acquire();
  const results = await all(client, ['a', 'b'], { params: common, limiter });
  slot.release();
  assert.deepEqual(
    results.map(({ ending }) => [ending.type, 'error' in ending && (ending.error as { code?: string }).code]),
    [
      ['failed', 'queue_full'],
      ['failed', 'queue_full'],
    ],
  );
});

test('all() rejects misuse, and what a caller’s function throws changes nothing', async (t) => {
  const warn = t.mock.method(console, 'warn', () => undefined);
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  await assert.rejects(all(client, ['a'], { params: common, concurrency: 0 }), RangeError);
  await assert.rejects(all(client, ['a'], { params: common, request: { maxKeptBytes: -1 } }), RangeError);
  const onProgress = (): never => {
    throw new Error('mine');
  };
  const results = await all(client, ['echo a'], { params: common, onProgress });
  assert.equal(results[0]?.text, 'a');
  assert.equal(warn.mock.callCount(), 2);
  assert.deepEqual(await all(client, []), []);
});
