// What only the program can mend: every such error has a code as well.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  conversation,
  createLimiter,
  Millrace,
  outputFormat,
  runTools,
  smooth,
  tool,
  MessageStream,
} from 'millrace/client';
import { AnswerClient } from 'millrace/client/answer';
import { startSimulator } from 'millrace/simulator';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'echo hello' }],
};

test('misuse of the client is a TypeError or RangeError with a code', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const options = { apiKey: 'k', baseURL: simulator.url };
  const client = new Millrace(options);
  const chat = conversation(client, { model: params.model, max_tokens: 100 });
  const events = await client.messages.create({ ...params, stream: true });
  await events.tee()[0][Symbol.asyncDispose]();
  const answer = new AnswerClient(options).stream(params);
  await answer[Symbol.asyncIterator]().return(undefined);
  const now = tool({ name: 'now', run: () => 'now' });
  const openSchema = { type: 'object', additionalProperties: { type: 'string' } } as const;
  const misuses: Record<string, () => unknown> = {
    'a limit of time below 0': () => new Millrace({ ...options, timeouts: { idleMs: -1 } }),
    'half a retry': () => client.messages.stream(params, { retry: { maxRetries: 0.5 } }),
    'a second loop over create()': () => events.tee(),
    'a second loop over an answer': () => answer[Symbol.asyncIterator](),
    'the response of lines': () => MessageStream.fromReadableStream(new ReadableStream()).withResponse(),
    'nothing to say': () => chat.send(' '),
    'a fork behind the end': () => chat.fork(1),
    'no concurrency': () => createLimiter({ concurrency: 0 }),
    'a late end': () => smooth(events as never, { maxDelayMs: 251 }),
    'a tool that cannot run': () => runTools(client, { ...params, tools: [{ name: 'x', input_schema: {} }] }),
    'two tools of one name': () => runTools(client, { ...params, tools: [now, now] }),
    'a format of any names': () => outputFormat(openSchema),
  };
  for (const [what, misuse] of Object.entries(misuses)) {
    await assert.rejects(
      async () => misuse(),
      (error: Error & { code?: unknown }) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError, `${what}: ${String(error)}`);
        assert.equal(error.code, 'misuse', what);
        return true;
      },
    );
  }
});
