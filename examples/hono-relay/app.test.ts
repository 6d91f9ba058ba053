import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import { startSimulator } from 'millrace/simulator';
import { createApp } from './app.ts';

const users = new Map([
  ['token-of-anna', 'anna'],
  ['token-of-ben', 'ben'],
]);

test('users get answers, see their own streams alone, and nobody else gets in', async () => {
  await using simulator = await startSimulator({ speed: 0, requireKey: true });
  const app = await createApp({ upstreamUrl: simulator.url, apiKey: 'relay-key-0123456789', users });
  const fetchApp: typeof fetch = (url, init) => app.fetch(new Request(url, init));
  const clientOf = (apiKey: string): Anthropic =>
    new Anthropic({ apiKey, baseURL: 'https://chat.example/claude', fetch: fetchApp, maxRetries: 0 });

  const question = {
    model: 'claude-sonnet-5',
    max_tokens: 1000,
    messages: [{ role: 'user' as const, content: 'echo hello' }],
  };
  const { data, response } = await clientOf('token-of-anna').messages.stream(question).withResponse();
  assert.equal(await data.finalText(), 'hello');
  assert.match(simulator.requests[0]?.headers['authorization'] ?? '', /6789$/);
  await assert.rejects(clientOf('a-guess').messages.create(question), Anthropic.AuthenticationError);

  const path = `https://chat.example/claude/streams/${response.headers.get('x-stream-id')}`;
  const statusFor = async (token: string): Promise<number> =>
    (await fetchApp(path, { headers: { 'x-api-key': token } })).status;
  assert.equal(await statusFor('token-of-anna'), 200);
  assert.equal(await statusFor('token-of-ben'), 404);
  assert.equal(await (await fetchApp('https://chat.example/')).text(), 'Ask at /claude/v1/messages');
  await app.close();
});
