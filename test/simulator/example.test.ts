import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import { startSimulator } from 'millrace/simulator';

test('a stream that is stopped closes its connection', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Anthropic({ apiKey: 'any', baseURL: simulator.url, maxRetries: 0 });

  const stream = client.messages.stream({
    model: 'claude-sonnet-5',
    max_tokens: 100_000,
    messages: [{ role: 'user', content: 'long 50000' }],
  });
  for await (const event of stream) if (event.type === 'content_block_delta') break;

  const request = await simulator.waitFor(({ path }) => path.startsWith('/v1/messages'));
  assert.equal(await request.closed, 'aborted');
});
