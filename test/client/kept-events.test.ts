// Whatever came, and however it was kept: who reads late reads the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { MessageStream, Millrace } from 'millrace/client';
import type { ClientEvent } from 'millrace/client';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const index = fc.integer({ min: 0, max: 2 });
const text = fc.string({ unit: 'grapheme', maxLength: 8 });

/** Deltas of all kinds, among them those with fields that nobody knows, and events that look like what is kept. */
const anyEvent = fc.oneof(
  { weight: 8, arbitrary: fc.record({ index, text }).map((fields) => deltaOf('text_delta', 'text', fields)) },
  fc.record({ index, text }).map((fields) => deltaOf('thinking_delta', 'thinking', fields)),
  fc
    .record({ index, text })
    .map((fields) => Object.assign(deltaOf('text_delta', 'text', fields), { extra: 1 })),
  fc.record({ index, text }).map((fields) => Object.assign({ type: 'other_event', ends: [1, 2] }, fields)),
  fc.constant({ type: 'ping' }),
);

function deltaOf(type: string, field: string, { index, text }: { index: number; text: string }): object {
  return { type: 'content_block_delta', index, delta: { type, [field]: text } };
}

test('a late reader of a MessageStream gets the events that the first one got', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyEvent, { maxLength: 60 }),
      fc.integer({ min: 1, max: 30 }),
      async (some, times) => {
        const events = [messageStart, ...Array.from({ length: times }, () => some).flat(), ...messageEnd];
        const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
        const stream = MessageStream.fromReadableStream(new Response(lines).body!);
        const first = await collect(stream);
        assert.deepEqual(first, events);
        assert.deepEqual(await collect(stream), events);
      },
    ),
    { numRuns: 60 },
  );
});

test('two loops at any pace get the same events', async () => {
  const pieces = Array.from({ length: 2000 }, (_, count) => `${count} `);
  const expected = [messageStart, ...textEvents(0, ...pieces), ...messageEnd];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 900 }))), async (turns) => {
      const stream = streamOf(sse(...expected));
      const loops = [stream, stream].map((each) => each[Symbol.asyncIterator]());
      const seen: ClientEvent[][] = [[], []];
      const take = async (which: number): Promise<boolean> => {
        const { value } = await loops[which]!.next();
        if (value !== undefined) seen[which]!.push(value);
        return value !== undefined;
      };
      for (const [which, count] of turns) {
        for (let left = count; left > 0; left -= 1) await take(which ? 1 : 0);
      }
      for (const which of [0, 1]) while (await take(which));
      assert.deepEqual(seen, [expected, expected]);
    }),
    { numRuns: 10 },
  );
});

test('a stream of 200,000 events keeps them all in less than 20 MB', async (t) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const frames = sse(
    ...textEvents(0, ...Array.from({ length: 1000 }, (_, count) => ` word${count}`)).slice(1, -1),
  );
  const encoder = new TextEncoder();
  const chunks = [sse(messageStart), ...Array.from({ length: 200 }, () => frames), sse(...messageEnd)];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(encoder.encode(chunk));
    },
  });
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const stream = new Millrace({ apiKey: 'k', fetch: async () => new Response(body) }).messages.stream(params);
  let count = 0;
  for await (const event of stream) count += event.type === 'content_block_delta' ? 1 : 0;
  collectGarbage();
  const keptBytes = process.memoryUsage().heapUsed - before;
  assert.equal(count, 200_000);
  t.diagnostic(`${keptBytes} bytes`);
  assert.ok(keptBytes < 20_000_000, `${keptBytes} bytes`);
  let again = 0;
  for await (const event of stream) again += event.type === 'content_block_delta' ? 1 : 0;
  assert.equal(again, count);
});

const params = { model: 'm', max_tokens: 1, messages: [{ role: 'user' as const, content: 'Hi' }] };

function streamOf(body: string): MessageStream {
  return new Millrace({ apiKey: 'k', fetch: async () => new Response(body) }).messages.stream(params);
}
