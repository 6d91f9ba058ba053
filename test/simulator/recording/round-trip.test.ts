// What is recorded and replayed is the same again: to the client, and in the files.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { startRecorder, startSimulator } from '../../../src/simulator/index.ts';
import { toBody } from '../ask.ts';
import { openTestFolder, recordOnce } from './record.ts';
import type { Asking, Folder } from './record.ts';

interface Trip {
  readonly asking: Asking;
  /** What goes wrong while it is recorded; nothing does while it is replayed. */
  readonly fault?: object;
  readonly ended: string;
  readonly files: readonly string[];
}

const sse = ['0001-messages.json', '0001-messages.sse'];
const json = ['0001-messages.body.json', '0001-messages.json'];
const streamed = (prompt: string): object => toBody(prompt, { stream: true });

const trips: Readonly<Record<string, Trip>> = {
  'a stream': { asking: { body: streamed('markdown') }, ended: 'complete', files: sse },
  'a compressed stream of many scripts': {
    asking: { body: streamed('echo Grüße 😀 日本語 👩‍👩‍👧'), headers: { 'accept-encoding': 'gzip' } },
    ended: 'complete',
    files: sse,
  },
  'a message': { asking: { body: toBody('Hello') }, ended: 'complete', files: json },
  'a compressed message': {
    asking: { body: toBody('Hello'), headers: { 'accept-encoding': 'gzip' } },
    ended: 'complete',
    files: json,
  },
  'an error': { asking: { body: toBody('Hello', { model: 'nobody' }) }, ended: 'complete', files: json },
  'an overloaded API': {
    asking: { body: streamed('Hello') },
    fault: { kind: 'status', status: 529 },
    ended: 'complete',
    files: json,
  },
  'a stream cut by FIN': {
    asking: { body: streamed('markdown') },
    fault: { kind: 'cut', atByte: 1500, by: 'fin' },
    ended: 'cut',
    files: sse,
  },
  'a stream cut by RST': {
    asking: { body: streamed('markdown') },
    fault: { kind: 'cut', atByte: 1500, by: 'rst' },
    ended: 'cut',
    files: sse,
  },
  'a silence without pings': {
    asking: { body: streamed('markdown') },
    fault: { kind: 'stall', atEvent: 6, ms: 100_000, pings: false },
    ended: 'complete',
    files: sse,
  },
  'a silence with pings': {
    asking: { body: streamed('markdown') },
    fault: { kind: 'stall', atEvent: 6, ms: 100_000 },
    ended: 'complete',
    files: sse,
  },
  'a stream that stalls until its reader leaves': {
    asking: { body: streamed('markdown'), leaveAtByte: 1500 },
    fault: { kind: 'stall', atByte: 1500, pings: false },
    ended: 'reader_left',
    files: sse,
  },
  'pieces of seven bytes': {
    asking: { body: streamed('echo 😀😀😀') },
    fault: { kind: 'split', bytes: 7 },
    ended: 'complete',
    files: sse,
  },
  'a page of HTML': {
    asking: { body: streamed('Hello') },
    fault: { kind: 'body', body: 'html' },
    ended: 'complete',
    files: ['0001-messages.html', '0001-messages.json'],
  },
};

/** A recording without what says when and where it was made. */
async function contentOf(folder: Folder): Promise<object> {
  const content: Record<string, unknown> = {};
  for (const file of await folder.files()) content[file] = (await folder.read(file)).toString();
  const {
    recordedAt: _at,
    upstream: _where,
    ...rest
  } = JSON.parse(String(content['0001-messages.json'])) as Record<string, unknown>;
  return { ...content, '0001-messages.json': rest };
}

describe('a recording that is replayed and recorded again', () => {
  for (const [name, { asking, fault, ended, files }] of Object.entries(trips)) {
    test(`is the same: ${name}`, async () => {
      await using first = await openTestFolder();
      await using second = await openTestFolder();
      const faulty = { 'x-simulator-fault': JSON.stringify(fault) };
      const { seen, exchange } = await recordOnce(first, {
        asking: fault === undefined ? asking : { ...asking, headers: { ...asking.headers, ...faulty } },
      });
      assert.equal(exchange.ended, ended);
      assert.deepEqual(await first.files(), files);
      const stored = await first.json('0001-messages.json');
      assert.equal((await first.read(stored.response!.bodyFile)).toString(), seen.body);
      assert.deepEqual(
        stored.response!.chunks.map(([ms, byteCount]) => [ms, byteCount]),
        seen.pieces,
      );
      const again = await recordOnce(second, { asking, options: { replay: first.path, match: 'strict' } });
      assert.deepEqual(again.seen, seen);
      assert.deepEqual(await contentOf(second), await contentOf(first));
    });
  }

  test('takes half of each time at speed 2', async () => {
    await using first = await openTestFolder();
    await using second = await openTestFolder();
    const asking = { body: streamed('markdown') };
    const { seen } = await recordOnce(first, { asking });
    const faster = await recordOnce(second, { asking, options: { replay: first.path, speed: 2 } });
    assert.equal(faster.seen.body, seen.body);
    assert.deepEqual(
      faster.seen.pieces.map(([ms, byteCount]) => [ms * 2, byteCount]),
      seen.pieces,
    );
  });
});

test('the official SDK gets the same message from the simulator, its recorder and the replay', async () => {
  await using folder = await openTestFolder();
  await using simulator = await startSimulator({ speed: 0 });
  const params = {
    model: 'claude-sonnet-5',
    max_tokens: 2000,
    messages: [{ role: 'user' as const, content: 'think, then use a tool 😀' }],
  };
  const ask = (baseURL: string): Promise<Anthropic.Message> =>
    new Anthropic({ apiKey: 'any', baseURL, maxRetries: 0 }).messages.stream(params).finalMessage();
  let recorded: Anthropic.Message;
  {
    await using recorder = await startRecorder({ upstream: simulator.url, out: folder.path });
    recorded = await ask(recorder.url);
  }
  await using replay = await startSimulator({ speed: 0, replay: folder.path });
  assert.deepEqual(await ask(replay.url), recorded);
  assert.ok(recorded.content.length >= 3);
});
