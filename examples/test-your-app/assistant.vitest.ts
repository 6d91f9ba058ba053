import Anthropic from '@anthropic-ai/sdk';
import { createSimulator } from 'millrace/simulator';
import { expect, test } from 'vitest';

import { answer } from './assistant.ts';

test('the tool is called, and Claude gets what it said', async () => {
  await using simulator = createSimulator({ speed: 0 });
  simulator.reply({ content: [{ type: 'tool_use', name: 'get_weather', input: { city: 'Lisbon' } }] });
  simulator.reply('It is warm in Lisbon.', { toolResult: 'get_weather' });

  const client = new Anthropic({ apiKey: 'any', fetch: simulator.fetch });
  expect(await answer('How is Lisbon?', { client })).toBe('It is warm in Lisbon.');

  expect(simulator.requests).toHaveLength(2);
  expect(simulator.requests[1]?.params?.messages[2]).toMatchObject({
    role: 'user',
    content: [{ type: 'tool_result', content: '21 degrees in Lisbon' }],
  });
});
