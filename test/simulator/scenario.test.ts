import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';

import { createSimulator } from '../../src/simulator/index.ts';
import type {
  InProcessSimulator,
  Scenario,
  ScenarioRule,
  ScriptedReply,
  When,
} from '../../src/simulator/index.ts';
import { clockTool, toBody, weatherTool } from './ask.ts';
import { JumpingClock } from './virtual-clock.ts';

type Params = Anthropic.MessageCreateParamsNonStreaming;

function toClient({ fetch }: InProcessSimulator, maxRetries = 0): Anthropic {
  return new Anthropic({ apiKey: 'key', fetch, maxRetries });
}

/** The text of the answer, or the message of the error. */
async function say(simulator: InProcessSimulator, prompt: string, changes: object = {}): Promise<string> {
  try {
    const params = toBody(prompt, changes) as Params;
    const { content } = await toClient(simulator).messages.create(params);
    return content.map((block) => (block.type === 'text' ? block.text : `<${block.type}>`)).join('');
  } catch (error) {
    if (!(error instanceof Anthropic.APIError)) throw error;
    return error.message;
  }
}

const call = { type: 'tool_use', id: 'toolu_01AAAAAAAAAAAAAAAAAAAAAA', name: 'get_weather', input: {} };
const result = (content: string, isError = false): object => ({
  type: 'tool_result',
  tool_use_id: call.id,
  content,
  is_error: isError,
});

/** A conversation that has come to a tool result. */
const afterTool = (content = '21 degrees', isError = false): object => ({
  messages: [
    { role: 'user', content: 'The weather?' },
    { role: 'assistant', content: [call] },
    { role: 'user', content: [result(content, isError)] },
  ],
});

const secondTurn = {
  messages: [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Hi' },
    { role: 'user', content: 'The weather?' },
  ],
};

describe('a rule fits a request', () => {
  const cases: readonly [title: string, when: When, fitting: object, other: object, why: RegExp][] = [
    [
      'by its whole text',
      { user: 'The weather?' },
      {},
      toBody('The weather'),
      /user: "The weather" is not "The weather\?"/,
    ],
    [
      'by a part of its text',
      { user: { contains: 'weath' } },
      {},
      toBody('Hi'),
      /user: "Hi" does not contain "weath"/,
    ],
    [
      'by a pattern',
      { user: { matches: '^the W', flags: 'i' } },
      {},
      toBody('Hi'),
      /"Hi" does not match \/\^the W\/i/,
    ],
    ['by a RegExp, flags and all', { user: /^the w/gi }, {}, toBody('Hi'), /does not match/],
    [
      'by the opening of its conversation',
      { opening: 'Hello' },
      secondTurn,
      {},
      /opening: "The weather\?" is not "Hello"/,
    ],
    ['by its turn', { turn: 2 }, secondTurn, {}, /turn: this is turn 1, not 2/],
    [
      'by its system prompt',
      { system: { contains: 'kind' } },
      { system: [{ type: 'text', text: 'Be kind.' }] },
      {},
      /system: "" does not contain "kind"/,
    ],
    [
      'by having no system prompt',
      { system: false },
      {},
      { system: 'Be kind.' },
      /system: there is one: "Be kind\."/,
    ],
    [
      'by its model’s alias',
      { model: 'claude-haiku-4-5' },
      { model: 'claude-haiku-4-5' },
      {},
      /model: "claude-sonnet-4-6" is not/,
    ],
    [
      'by its model’s id',
      { model: 'claude-haiku-4-5-20251001' },
      { model: 'claude-haiku-4-5' },
      {},
      /model:/,
    ],
    [
      'by a tool offered',
      { offers: 'get_weather' },
      { tools: [clockTool, weatherTool] },
      { tools: [clockTool] },
      /offers: only read_clock/,
    ],
    ['by asking for no stream', { stream: false }, {}, { stream: true }, /stream: a stream is asked for/],
    ['by a tool result', { toolResult: true }, afterTool(), {}, /toolResult: there is none in the last turn/],
    [
      'by having no tool result',
      { toolResult: false },
      {},
      afterTool(),
      /toolResult: there is one of get_weather/,
    ],
    ['by the tool of its result', { toolResult: 'get_weather' }, afterTool(), {}, /none/],
    [
      'by what a tool said',
      { toolResult: { content: { contains: '21' } } },
      afterTool(),
      afterTool('3 degrees'),
      /"3 degrees" does not contain "21"/,
    ],
    [
      'by a tool’s failure',
      { toolResult: { tool: 'get_weather', isError: true } },
      afterTool('no', true),
      afterTool(),
      /none is an error/,
    ],
  ];
  for (const [title, when, fitting, other, why] of cases) {
    test(`${title}, and the error says why another does not`, async () => {
      await using simulator = createSimulator({ speed: 0, scenario: [{ when, reply: 'fits' }] });
      assert.equal(await say(simulator, 'The weather?', fitting), 'fits');
      const body = { ...toBody('The weather?'), ...other, stream: 'stream' in other };
      const response = await simulator.fetch('https://api.anthropic.com/v1/messages', {
        method: 'POST',
        headers: { 'anthropic-version': '2026-10-21' },
        body: JSON.stringify(body),
      });
      const { error } = (await response.json()) as { error: { type: string; message: string } };
      assert.deepEqual([response.status, error.type], [400, 'invalid_request_error']);
      assert.equal(response.headers.get('x-should-retry'), 'false');
      assert.match(error.message, why);
    });
  }

  test('by a header, whose secret no error tells', async () => {
    const scenario = [
      { when: { headers: { 'X-Api-Key': 'sk-secret-000001', 'x-tenant': false } }, reply: 'fits' },
    ];
    await using simulator = createSimulator({ speed: 0, scenario });
    const ask = async (apiKey: string, headers = {}): Promise<string> => {
      const client = new Anthropic({ apiKey: null, fetch: simulator.fetch, maxRetries: 0 });
      const options = { headers: { 'x-api-key': apiKey, ...headers } };
      const answer = client.messages.create(toBody('Hi') as Params, options);
      return answer.then(
        ({ content }) => JSON.stringify(content),
        (error: unknown) => (error instanceof Anthropic.APIError ? String(error.apiMessage) : assert.fail()),
      );
    };
    assert.match(await ask('sk-secret-000001'), /fits/);
    assert.match(await ask('sk-secret-000001', { 'x-tenant': 'a' }), /headers: x-tenant: there is one: "a"/);
    assert.match(await ask('sk-secret-000002'), /headers: X-Api-Key: "\*\*\*0002" is not/);
    assert.doesNotMatch(await ask('sk-secret-000002'), /sk-secret-000002/);
  });

  test('by the last turn alone: the question of a tool loop does not come up again', async () => {
    const scenario = [
      { when: { user: { contains: 'weather' } }, reply: { content: [call] } },
      { when: { toolResult: true }, reply: 'Warm.' },
    ];
    await using simulator = createSimulator({ speed: 0, scenario });
    assert.equal(await say(simulator, 'The weather?'), '<tool_use>');
    assert.equal(await say(simulator, '', afterTool()), 'Warm.');
  });

  test('whatever was asked before it, in any order', async () => {
    const rules: ScenarioRule[] = [1, 2, 3].map((turn) => ({ when: { turn }, reply: `turn ${turn}` }));
    const conversation = (turn: number): object => ({
      messages: Array.from({ length: turn * 2 - 1 }, (_, index) => ({
        role: index % 2 === 0 ? 'user' : 'assistant',
        content: 'x',
      })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 8 }), async (turns) => {
        await using simulator = createSimulator({ speed: 0, scenario: rules });
        const answers = await Promise.all(turns.map((turn) => say(simulator, '', conversation(turn))));
        assert.deepEqual(
          answers,
          turns.map((turn) => `turn ${turn}`),
        );
      }),
      { numRuns: 20 },
    );
  });
});

describe('the rules', () => {
  test('are tried in order, and the first that fits answers', async () => {
    const scenario = [{ name: 'hello', when: { user: 'Hi' }, reply: 'one' }, { reply: 'two' }];
    await using simulator = createSimulator({ speed: 0, scenario });
    assert.equal(await say(simulator, 'Hi'), 'one');
    assert.equal(await say(simulator, 'Hello'), 'two');
    assert.deepEqual(
      simulator.requests.map(({ rule }) => rule),
      ['rule 1 "hello"', 'rule 2'],
    );
  });

  test('give each of their replies once, and say so when there are none left', async () => {
    const scenario = [{ replies: ['one', 'two'] }, { when: { user: 'Hi' }, times: 1, reply: 'three' }];
    await using simulator = createSimulator({ speed: 0, scenario });
    const answers = [await say(simulator, 'Hi'), await say(simulator, 'Hi'), await say(simulator, 'Hi')];
    assert.deepEqual(answers, ['one', 'two', 'three']);
    assert.match(
      await say(simulator, 'Hi'),
      /no rule for this request: \\n- rule 1: all 2 were given already\\n- rule 2: it was given already/,
    );
  });

  test('give the same reply to a request that comes again because its answer broke off', async () => {
    const kinds = ['status 529', 'drop', 'drop rst', 'cut 300', 'cut 300 by=rst', 'error_event', 'body html'];
    for (const fault of kinds) {
      await using simulator = createSimulator({
        speed: 0,
        scenario: [{ faults: `${fault} times=1`, replies: ['one', 'two'] }],
      });
      const ask = (): Promise<string> =>
        toClient(simulator)
          .messages.stream(toBody('Hi') as Params)
          .finalText();
      await assert.rejects(ask(), Anthropic.AnthropicError, fault);
      assert.deepEqual([await ask(), await ask()], ['one', 'two'], fault);
    }
  });

  test('give the same reply to a request that comes again because its client left', async () => {
    const text = 'word '.repeat(50_000);
    await using simulator = createSimulator({ speed: 0, scenario: [{ replies: [text, 'two'] }] });
    const body = toBody('Hi', { max_tokens: 100_000 }) as Params;
    const stream = toClient(simulator).messages.stream(body);
    for await (const event of stream) if (event.type === 'content_block_delta') break;
    assert.equal(await simulator.requests[0]?.closed, 'aborted');
    assert.equal(await toClient(simulator).messages.stream(body).finalText(), text);
    assert.equal(await toClient(simulator).messages.stream(body).finalText(), 'two');
  });

  test('give the next reply to the same request when its answer had arrived', async () => {
    for (const faults of ['split 3', 'cut 100000']) {
      await using simulator = createSimulator({ speed: 0, scenario: [{ faults, replies: ['one', 'two'] }] });
      assert.deepEqual([await say(simulator, 'Hi'), await say(simulator, 'Hi')], ['one', 'two']);
    }
  });

  test('leave the rest to the built-in answers when told so', async () => {
    const scenario: Scenario = { otherwise: 'builtin', rules: [{ when: { user: 'Hi' }, reply: 'one' }] };
    await using simulator = createSimulator({ speed: 0, scenario });
    assert.deepEqual([await say(simulator, 'Hi'), await say(simulator, 'echo x')], ['one', 'x']);
    assert.equal(simulator.requests[1]?.rule, undefined);
  });

  test('are named while they have not answered all they are for', async () => {
    const scenario = [{ name: 'a', when: { user: 'a' }, reply: 'x' }, { replies: ['x', 'x'] }];
    await using simulator = createSimulator({ speed: 0, scenario });
    simulator.reply('first');
    assert.deepEqual(simulator.unusedRules, ['reply 1', 'rule 1 "a"', 'rule 2']);
    for (const prompt of ['b', 'a', 'b']) await say(simulator, prompt);
    assert.deepEqual(simulator.unusedRules, ['rule 2']);
  });
});

describe('simulator.reply()', () => {
  test('answers one request each, in order, before the rules; then the built-in answers come', async () => {
    await using simulator = createSimulator({ speed: 0 });
    simulator.reply('one');
    simulator.reply('two');
    const prompts = ['echo a', 'echo b', 'echo c'];
    const answers = [];
    for (const prompt of prompts) answers.push(await say(simulator, prompt));
    assert.deepEqual(answers, ['one', 'two', 'c']);
  });

  test('waits for the request it is for', async () => {
    await using simulator = createSimulator({ speed: 0 });
    simulator.reply('later', { user: 'now' });
    assert.deepEqual([await say(simulator, 'echo a'), await say(simulator, 'now')], ['a', 'later']);
  });

  test('is there for a retry after a fault', async () => {
    await using simulator = createSimulator({ speed: 0, faults: 'status 500 times=1' });
    simulator.reply('one');
    simulator.reply('two');
    assert.match(await say(simulator, 'Hi'), /500/);
    assert.deepEqual([await say(simulator, 'Hi'), await say(simulator, 'Hi')], ['one', 'two']);
  });

  test('throws for what is no reply, and changes nothing', async () => {
    await using simulator = createSimulator({ speed: 0 });
    assert.throws(() => simulator.reply({ txt: 'x' } as unknown as ScriptedReply), {
      code: 'invalid_scenario',
      message: 'Cannot use the reply: txt: no such field (there are content, answer, status, recording)',
    });
    assert.throws(() => simulator.reply('x', { turn: 0 }), /turn: found 0; wanted: a whole number from 1/);
    assert.equal(await say(simulator, 'echo a'), 'a');
  });
});

test('simulator.script() replaces rules and replies, and without a scenario ends them', async () => {
  await using simulator = createSimulator({ speed: 0, scenario: [{ reply: 'old' }] });
  simulator.reply('queued');
  simulator.script({ rules: [{ reply: 'new' }] });
  assert.equal(await say(simulator, 'echo a'), 'new');
  assert.throws(() => simulator.script([{ repply: 'x' } as ScenarioRule]), /did you mean reply\?/);
  assert.equal(await say(simulator, 'echo a'), 'new');
  simulator.script();
  assert.equal(await say(simulator, 'echo a'), 'a');
});

describe('a scripted message', () => {
  const ask = (simulator: InProcessSimulator, changes: object = {}) =>
    toClient(simulator).messages.create(toBody('Hi', changes) as Params);
  const stream = (simulator: InProcessSimulator, changes: object = {}) =>
    toClient(simulator)
      .messages.stream(toBody('Hi', changes) as Params)
      .finalMessage();
  const replies: Readonly<Record<string, ScriptedReply>> = {
    text: 'Grüß Gott 😀',
    'empty text': '',
    'blocks of several kinds': {
      content: [
        { type: 'thinking', thinking: 'Well …', signature: 'c2lnbmF0dXJl' },
        'Let me look.',
        { type: 'tool_use', name: 'get_weather', input: { city: 'Lisbon', days: [1, 2] } },
        { type: 'tool_use', id: 'toolu_mine', name: 'read_clock', input: {} },
      ],
    },
    'another end and other counts': {
      content: 'No.',
      id: 'msg_mine',
      model: 'claude-opus-5',
      stop_reason: 'refusal',
      stop_details: { type: 'refusal', category: null, explanation: 'no' },
      usage: { input_tokens: 7, output_tokens: 9, cache_read_input_tokens: 5 },
    },
    'the answer to a prompt': { answer: 'markdown' },
  };
  for (const [kind, reply] of Object.entries(replies)) {
    test(`of ${kind} is the same streamed and whole`, async () => {
      await using first = createSimulator({ speed: 0 });
      await using second = createSimulator({ speed: 0 });
      first.reply(reply);
      second.reply(reply);
      const plain = (message: Anthropic.Message): unknown =>
        JSON.parse(JSON.stringify({ ...message, parsed_output: undefined }));
      assert.deepEqual(plain(await stream(first)), plain(await ask(second)));
    });
  }

  test('of a whole message has its usage where the wire has it', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const { usage } = await ask(simulator);
    simulator.reply({ content: 'Hi', usage: { ...usage, service_tier: 'batch', output_tokens: 77 } });
    const usages: Record<string, unknown> = {};
    const params = { ...toBody('Hi'), stream: true } as Anthropic.MessageCreateParamsStreaming;
    for await (const event of await toClient(simulator).messages.create(params)) {
      if (event.type === 'message_start') usages[event.type] = event.message.usage;
      if (event.type === 'message_delta') usages[event.type] = event.usage;
    }
    assert.partialDeepStrictEqual(usages, {
      message_start: { service_tier: 'batch', cache_creation: { ephemeral_5m_input_tokens: 0 } },
      message_delta: { output_tokens: 77 },
    });
    assert.deepEqual(Object.keys(usages['message_delta'] as object), [
      'input_tokens',
      'cache_creation_input_tokens',
      'cache_read_input_tokens',
      'output_tokens',
    ]);
  });

  test('has what the scenario gives it, and the rest as any answer', async () => {
    await using simulator = createSimulator({ speed: 0 });
    simulator.reply(replies['another end and other counts']!);
    const message = await stream(simulator);
    assert.partialDeepStrictEqual(message, {
      id: 'msg_mine',
      model: 'claude-opus-5',
      stop_reason: 'refusal',
      usage: { input_tokens: 7, output_tokens: 9, cache_read_input_tokens: 5, service_tier: 'standard' },
    });
    simulator.reply(replies['blocks of several kinds']!);
    const { content, stop_reason: reason, usage } = await stream(simulator);
    assert.equal(reason, 'tool_use');
    assert.ok(usage.output_tokens > 5);
    assert.partialDeepStrictEqual(content, [
      { type: 'thinking', thinking: 'Well …', signature: 'c2lnbmF0dXJl' },
      { type: 'text', text: 'Let me look.' },
      { type: 'tool_use', name: 'get_weather', input: { city: 'Lisbon', days: [1, 2] } },
      { type: 'tool_use', id: 'toolu_mine', name: 'read_clock', input: {} },
    ]);
    assert.match(content[2]?.type === 'tool_use' ? content[2].id : '', /^toolu_01\w{22}$/);
  });

  test('passes a block of any other type through whole', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const block = { type: 'container_upload', file_id: 'file_1' };
    simulator.reply({ content: [block] });
    assert.deepEqual((await stream(simulator)).content, [block]);
  });

  test('ends at max_tokens and at a stop sequence, whatever stop_reason it was given', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const reply = { content: 'one two three four five six', stop_reason: 'refusal' } as const;
    simulator.reply(reply);
    simulator.reply(reply);
    assert.equal((await ask(simulator, { max_tokens: 2 })).stop_reason, 'max_tokens');
    const stopped = await ask(simulator, { stop_sequences: ['four'] });
    assert.deepEqual(
      [stopped.stop_reason, stopped.stop_sequence, stopped.content],
      ['stop_sequence', 'four', [{ type: 'text', text: 'one two three ' }]],
    );
  });

  test('is gone on with after a prefill: the rest of it comes, by the same rule', async () => {
    const scenario = [{ when: { user: 'Hi', turn: 1 }, reply: 'one two three' }];
    await using simulator = createSimulator({ speed: 0, scenario });
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'one tw' },
    ];
    assert.equal(await say(simulator, '', { model: 'claude-haiku-4-5', messages }), 'o three');
  });

  test('is an error of the API, with its defaults or as told', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const request = () =>
      ask(simulator).then(
        () => assert.fail('it was answered'),
        (error: InstanceType<typeof Anthropic.APIError>) => error,
      );
    simulator.reply({ status: 529 });
    const { status, type, apiMessage } = await request();
    assert.deepEqual([status, type, apiMessage], [529, 'overloaded_error', 'Overloaded']);
    simulator.reply({ status: 400, message: 'No.', type: 'permission_error', retryAfter: 3 });
    const error = await request();
    assert.partialDeepStrictEqual(error.error, { error: { type: 'permission_error', message: 'No.' } });
    assert.equal(error.headers?.get('retry-after'), '3');
    assert.match(error.requestID ?? '', /^req_011C/);
  });

  test('is a recording, byte for byte; for who asks for no stream the message in it', async () => {
    await using source = createSimulator({ speed: 0 });
    const body = (isStream: boolean): RequestInit => ({
      method: 'POST',
      headers: { 'anthropic-version': '2026-10-21' },
      body: JSON.stringify(toBody('markdown', { stream: isStream })),
    });
    const url = 'https://api.anthropic.com/v1/messages';
    const recording = new Uint8Array(await (await source.fetch(url, body(true))).arrayBuffer());
    await using simulator = createSimulator({ speed: 0, scenario: [{ reply: { recording } }] });
    const bytes = new Uint8Array(await (await simulator.fetch(url, body(true))).arrayBuffer());
    assert.deepEqual(bytes, recording);
    const whole = (await (await simulator.fetch(url, body(false))).json()) as Anthropic.Message;
    assert.equal(whole.stop_reason, 'end_turn');
    const cut = recording.subarray(0, 900);
    simulator.script([{ reply: { recording: cut } }]);
    const broken = await simulator.fetch(url, body(false));
    assert.deepEqual(
      [broken.status, ((await broken.json()) as { error: object }).error],
      [500, { type: 'api_error', message: 'The recorded stream does not come to its end' }],
    );
  });
});

test('delayMs and gapMs of a reply are as said, streamed and whole, whatever the speed', async () => {
  const text = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen';
  for (const speed of [0, 1, 50]) {
    const clock = new JumpingClock();
    await using simulator = createSimulator({ speed, clock });
    const ask = async (reply: ScriptedReply, isStream: boolean): Promise<[number, number]> => {
      simulator.reply(reply);
      const beganMs = clock.nowMs;
      const body = toBody('Hi', { stream: isStream });
      const response = await simulator.fetch('https://api.anthropic.com/v1/messages', {
        method: 'POST',
        headers: { 'anthropic-version': '2026-10-21' },
        body: JSON.stringify(body),
      });
      const deltas = (await response.text()).match(/event: content_block_delta/g) ?? [];
      return [Math.round(clock.nowMs - beganMs), deltas.length];
    };
    const reply = { content: text, delayMs: 5000, gapMs: 100 };
    const [streamedMs, deltas] = await ask(reply, true);
    assert.ok(deltas > 1);
    assert.equal(streamedMs, 5000 + deltas * 100, `speed ${speed}`);
    // It is cut into other deltas, and takes as long as these would.
    const [wholeMs] = await ask(reply, false);
    assert.ok(wholeMs > 5000 && wholeMs % 100 === 0, `${wholeMs}`);
    assert.deepEqual(await ask({ status: 529, delayMs: 700 }, false), [700, 0]);
  }
});

describe('the faults of a rule', () => {
  test('are those of its answers alone, behind a plan that the request brings', async () => {
    const scenario = [{ when: { user: 'Hi' }, faults: 'status 500', reply: 'x' }, { reply: 'y' }];
    await using simulator = createSimulator({ speed: 0, scenario, faults: 'status 403' });
    assert.match(await say(simulator, 'Hi'), /^500/);
    assert.match(await say(simulator, 'Hello'), /^403/);
    assert.match(await say(simulator, '/fault status 529\nHi'), /^529/);
    await simulator.faults.clear();
    assert.equal(await say(simulator, 'Hello'), 'y');
  });

  test('without a reply are those of the built-in answer', async () => {
    const scenario = [{ faults: 'status 500 times=1' }];
    await using simulator = createSimulator({ speed: 0, scenario });
    assert.match(await say(simulator, 'echo a'), /^500/);
    assert.equal(await say(simulator, 'echo a'), 'a');
  });
});

test('requests[n].params has the body with its type, for a request that was found valid', async () => {
  await using simulator = createSimulator({ speed: 0 });
  await say(simulator, 'Hi', { tools: [weatherTool] });
  await say(simulator, 'Hi', { max_tokens: -1 });
  const [first, second] = simulator.requests;
  assert.equal(first?.params?.messages[0]?.content, 'Hi');
  assert.equal(first?.params?.tools?.[0]?.name, 'get_weather');
  assert.equal(second?.params, undefined);
  assert.partialDeepStrictEqual(second?.body, { max_tokens: -1 });
});
