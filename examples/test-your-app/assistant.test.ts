import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import { createSimulator, loadScenario, startSimulator } from 'millrace/simulator';
import type { InProcessSimulator } from 'millrace/simulator';

import { answer } from './assistant.ts';

function clientOf({ fetch }: InProcessSimulator): Anthropic {
  return new Anthropic({ apiKey: 'any', fetch });
}

test('the answer reaches the caller, in pieces and whole', async () => {
  await using simulator = createSimulator({ speed: 0 });
  simulator.reply('It will be sunny all day, and dry all night.');

  const pieces: string[] = [];
  const text = await answer('Will it rain?', {
    client: clientOf(simulator),
    onText: (piece) => pieces.push(piece),
  });

  assert.equal(text, 'It will be sunny all day, and dry all night.');
  assert.equal(pieces.join(''), text);
});

test('the tool is called, and Claude gets what it said', async () => {
  await using simulator = createSimulator({
    speed: 0,
    scenario: [
      {
        when: { turn: 1 },
        reply: {
          content: ['Let me look.', { type: 'tool_use', name: 'get_weather', input: { city: 'Lisbon' } }],
        },
      },
      { when: { toolResult: 'get_weather' }, reply: 'It is warm in Lisbon.' },
    ],
  });

  assert.equal(await answer('How is Lisbon?', { client: clientOf(simulator) }), 'It is warm in Lisbon.');

  const [first, second] = simulator.requests;
  assert.deepEqual(
    first?.params?.tools?.map(({ name }) => name),
    ['get_weather'],
  );
  const [, call, result] = second?.params?.messages ?? [];
  assert.partialDeepStrictEqual(call?.content, [{ type: 'text' }, { input: { city: 'Lisbon' } }]);
  assert.partialDeepStrictEqual(result?.content, [{ content: '21 degrees in Lisbon' }]);
});

test('an overloaded API is asked again', async () => {
  await using simulator = createSimulator({ speed: 0 });
  simulator.reply({ status: 529, retryAfter: 0.01 });
  simulator.reply('Dry.');

  assert.equal(await answer('Will it rain?', { client: clientOf(simulator) }), 'Dry.');

  assert.deepEqual(
    simulator.requests.map(({ status }) => status),
    [529, 200],
  );
});

test('a connection that breaks in the middle is an error, and what came was shown', async () => {
  await using simulator = createSimulator({ speed: 0, faults: 'cut atEvent=5' });
  const text = 'It will be sunny all day, and dry all night, and windy in the morning.';
  simulator.reply(text);

  let shown = '';
  await assert.rejects(
    answer('Will it rain?', { client: clientOf(simulator), onText: (piece) => (shown += piece) }),
    Anthropic.AnthropicError,
  );

  assert.ok(shown !== '' && text.startsWith(shown));
  assert.equal(await simulator.requests[0]?.closed, 'aborted');
});

test('an answer that stalls is given up', async () => {
  await using simulator = createSimulator({ speed: 0, faults: 'stall atEvent=5' });
  simulator.reply('It will be sunny all day, and dry all night, and windy in the morning.');

  await assert.rejects(
    answer('Will it rain?', { client: clientOf(simulator), idleMs: 500 }),
    Anthropic.APIUserAbortError,
  );

  assert.equal(await simulator.requests[0]?.closed, 'aborted');
});

test('the whole conversation of a scenario file', async () => {
  const scenario = await loadScenario(`${import.meta.dirname}/weather.yaml`);
  await using simulator = createSimulator({ speed: 0, scenario });
  const client = clientOf(simulator);

  assert.equal(await answer('How is Lisbon?', { client }), 'It is warm in Lisbon.');
  assert.equal(await answer('Thank you!', { client }), 'You are welcome.');
  await assert.rejects(answer('Sing me a song', { client }), /no rule for this request/);

  assert.deepEqual(simulator.unusedRules, []);
});

test('a program that knows nothing but an address is answered too', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  simulator.reply('Dry.');

  const client = new Anthropic({ apiKey: 'any', baseURL: simulator.url });

  assert.equal(await answer('Will it rain?', { client }), 'Dry.');
});
