// Promises that nobody waits for, in every way that programs leave them: a failure of one ends no process.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Millrace, runTools, streamObject } from 'millrace/client';
import { startRawServer, streamResponse } from '../support/raw-server.ts';
import { messageStart, sse, textEvents } from '../support/streams.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
const cut = sse(messageStart, ...textEvents(0, 'Hel').slice(0, -1));

const ways: Readonly<Record<string, (client: Millrace) => unknown>> = {
  'create()': ({ messages }) => messages.create(params),
  'create({stream: true})': ({ messages }) => messages.create({ ...params, stream: true }),
  'create().withResponse()': ({ messages }) => messages.create(params).withResponse(),
  'create().asResponse()': ({ messages }) => messages.create(params).asResponse(),
  'countTokens()': ({ messages }) => messages.countTokens(params),
  'stream().finalMessage()': ({ messages }) => messages.stream(params).finalMessage(),
  'stream().withResponse()': ({ messages }) => messages.stream(params).withResponse(),
  'stream().emitted()': ({ messages }) => messages.stream(params).emitted('message'),
  'runTools()': (client) => runTools(client, { ...params, tools: [] }),
  'runTools().done()': (client) => runTools(client, { ...params, tools: [] }).done(),
  'runTools().finalMessage()': (client) => runTools(client, { ...params, tools: [] }).finalMessage(),
  'runTools().finalText()': (client) => runTools(client, { ...params, tools: [] }).finalText(),
  'streamObject().finalObject()': (client) =>
    streamObject(client, { ...params, schema: { type: 'object' } }).finalObject(),
};

for (const [name, leave] of Object.entries(ways)) {
  test(`${name} that nobody waits for is no unhandled rejection`, async (t) => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    t.after(() => process.off('unhandledRejection', listen));
    await using server = await startRawServer(() => ({ bytes: '', then: 'rst' }));
    const failed = Promise.withResolvers<void>();
    const endings: string[] = [];
    const client = new Millrace({
      apiKey: 'k',
      baseURL: server.url,
      retry: { maxRetries: 0 },
      // countTokens() is no answer, and has no figures.
      onMetrics: ({ ending }) => endings.push(ending) && failed.resolve(),
    });
    leave(client);
    await (name === 'countTokens()' ? server.clientLeft() : failed.promise);
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    assert.deepEqual(unhandled, []);
    assert.deepEqual(endings, name === 'countTokens()' ? [] : ['failed']);
  });
}

test('a loop that fails before the promise beside it is waited for leaves both to be caught', async () => {
  await using server = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'rst' }));
  const client = new Millrace({ apiKey: 'k', baseURL: server.url, retry: { maxRetries: 0 } });
  const run = runTools(client, { ...params, tools: [] });
  const text = run.finalText();
  const loop = async (): Promise<void> => {
    for await (const { turn } of run) assert.equal(turn, 1);
  };
  await assert.rejects(loop(), { code: 'connection_failed' });
  await new Promise(setImmediate);
  await assert.rejects(text, { code: 'connection_failed' });
});
