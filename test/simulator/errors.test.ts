import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { SimulatorError, startSimulator } from '../../src/simulator/index.ts';
import { post, toBody, weatherTool } from './ask.ts';

const user = { role: 'user', content: 'Hi' };
const call = { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} };
const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' };

const search = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} };
const found = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] };

/** What is wrong with a body, and the beginning of the message that says so. */
const invalid: readonly [changes: object, message: string][] = [
  [{ model: undefined }, 'model: Field required'],
  [{ model: 5 }, 'model: Input should be a valid string'],
  [{ messages: undefined }, 'messages: Field required'],
  [{ messages: 'Hi' }, 'messages: Input should be a valid array'],
  [{ messages: [] }, 'messages: at least one message is required'],
  [{ messages: ['Hi'] }, 'messages.0: Input does not match the expected shape.'],
  [{ messages: [{ content: 'Hi' }] }, 'messages.0.role: Field required'],
  [{ messages: [{ role: 'ai', content: 'Hi' }] }, 'messages: Unexpected role "ai". Allowed roles are'],
  [{ messages: [{ role: 'user' }] }, 'messages.0.content: Field required'],
  [{ messages: [{ role: 'user', content: 7 }] }, 'messages.0.content: Input should be a valid array'],
  [{ messages: [{ role: 'user', content: '' }] }, 'messages.0: all messages must have non-empty content'],
  [
    { messages: [user, { role: 'assistant', content: [] }, user] },
    'messages.1: all messages must have non-empty content',
  ],
  [{ messages: [{ role: 'user', content: [{}] }] }, 'messages.0.content.0.type: Field required'],
  [
    { messages: [{ role: 'user', content: [{ type: 'video' }] }] },
    "messages.0.content.0: Input tag 'video' found using 'type' does not match any of the expected tags: 'adv",
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'constructor' }] }] },
    "messages.0.content.0: Input tag 'constructor' found",
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
    'messages.0.content.0.text.text: Field required',
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] },
    'messages: text content blocks must be non-empty',
  ],
  [
    { messages: [user, { role: 'assistant', content: [{ type: 'thinking', thinking: 'x' }] }] },
    'messages.1.content.0.thinking.signature: Field required',
  ],
  [
    { messages: [user, { role: 'user', content: [result] }] },
    'messages.0.content.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each',
  ],
  [
    { messages: [user, { role: 'assistant', content: [call] }, user] },
    'messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each',
  ],
  [
    { messages: [user, { role: 'assistant', content: [{ ...search, id: 'toolu_1' }] }, user] },
    "messages.1.content.0.server_tool_use.id: String should match pattern '^srvtoolu_[a-zA-Z0-9_]+$'",
  ],
  [
    { messages: [user, { role: 'assistant', content: [{ ...call, id: 'a:b' }] }] },
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
  ],
  [
    { messages: [user, { role: 'assistant', content: [found, search] }, user] },
    'messages.1.content.0: unexpected `tool_use_id` found in `web_search_tool_result` blocks: srvtoolu_1. Each `web_search_tool_result` block must have a corresponding `server_tool_use` block before it.',
  ],
  [
    { messages: [user, { role: 'assistant', content: 'So' }] },
    'This model does not support assistant message prefill. The conversation must end with a user message.',
  ],
  [
    { messages: [user, { role: 'assistant', content: 'So ' }], model: 'claude-haiku-4-5' },
    'messages: final assistant content cannot end with trailing whitespace',
  ],
  [{ max_tokens: undefined }, 'max_tokens: Field required'],
  [{ max_tokens: '9' }, 'max_tokens: Input should be a valid integer'],
  [{ max_tokens: -1 }, 'max_tokens: must be greater than or equal to 1'],
  [{ max_tokens: 0 }, 'max_tokens: must be greater than or equal to 1'],
  [
    { max_tokens: 128_001, model: 'claude-opus-4-5' },
    'max_tokens: 128001 > 64000, which is the maximum allowed number of output tokens for claude-opus-4-5-20251101',
  ],
  [{ temperature: -5 }, 'temperature: range: 0..1'],
  [{ stream: 'yes' }, 'stream: Input should be a valid boolean'],
  [{ stop_sequences: 'x' }, 'stop_sequences: Input should be a valid array'],
  [{ stop_sequences: ['\n'] }, 'stop_sequences: each stop sequence must contain non-whitespace'],
  [{ thinking: { type: 'enabled' } }, 'thinking.enabled.budget_tokens: Field required'],
  [
    { thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 2000 },
    '`max_tokens` must be greater than `thinking.budget_tokens`.',
  ],
  [{ tools: [{ name: 'a b', input_schema: {} }] }, 'tools.0.custom.name: String should match pattern'],
  [{ tools: [{ name: 'a' }] }, 'tools.0.custom.input_schema: Field required'],
  [{ tools: [{ name: 'a', input_schema: true }] }, 'tools.0.custom.input_schema: Input does not match'],
  [{ tools: [{ name: 'a', input_schema: {} }] }, 'tools.0.custom.input_schema.type: Field required'],
  [
    { tools: [{ name: 'a', input_schema: { type: 'string' } }] },
    "tools.0.custom.input_schema.type: Input should be 'object'",
  ],
  [{ tools: [weatherTool, weatherTool] }, 'tools: Tool names must be unique.'],
  [{ tool_choice: { type: 'any' } }, 'tool_choice.any may only be specified while providing tools'],
  [
    { tools: [weatherTool], tool_choice: { type: 'tool', name: 'other' } },
    "Tool 'other' not found in provided tools",
  ],
  [{ response_format: {} }, 'response_format: Extra inputs are not permitted'],
];

/** A tool that is compiled into a grammar, with these properties. */
function strict(properties: object, changes: object = {}): object {
  return { name: 'a', strict: true, input_schema: { type: 'object', properties, ...changes } };
}

function many(count: number, property: unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, property]));
}

const union = { type: ['string', 'null'] };
const oneOfTwo = { anyOf: [{ type: 'string' }, { type: 'null' }] };
const all = (properties: object): object => ({ required: Object.keys(properties) });
const reference = (name: string): object => ({ properties: { x: { anyOf: [{ $ref: `#/$defs/${name}` }] } } });
const tooComplex =
  'Schema is too complex for compilation. Try reducing the number of tools or simplifying tool schemas.';
const circular = (circle: string): string =>
  `Invalid schema: Circular reference detected in schema definitions: ${circle}. Self-referencing or mutually-referencing definitions are not supported.`;
const budget = { type: 'enabled', budget_tokens: 1024 };

/** What depends on the model or on all tools together, and the whole message. */
const refused: readonly [changes: object, message: string][] = [
  [
    { model: 'claude-haiku-4-5', max_tokens: 64_001 },
    'max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for claude-haiku-4-5-20251001',
  ],
  [
    { model: 'claude-3-opus-latest', max_tokens: 5000 },
    'max_tokens: 5000 > 4096, which is the maximum allowed number of output tokens for claude-3-opus-20240229',
  ],
  [
    { model: 'claude-opus-5', max_tokens: 128_001 },
    'max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens for claude-opus-5',
  ],
  [
    { model: 'claude-opus-4-7', thinking: budget },
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
  ],
  [
    { model: 'claude-haiku-4-5', thinking: { type: 'adaptive' } },
    'adaptive thinking is not supported on this model',
  ],
  [
    { thinking: { type: 'enabled', budget_tokens: 1023 } },
    'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024',
  ],
  [
    { thinking: { type: 'enabled', budget_tokens: 16_000 } },
    '`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size',
  ],
  [
    { thinking: { type: 'sometimes' } },
    "thinking: Input tag 'sometimes' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'",
  ],
  [
    { thinking: budget, temperature: 0.5 },
    '`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. Please consult our documentation at https://platform.claude.com/docs/en/build-with-claude/extended-thinking',
  ],
  [
    { thinking: budget, tools: [weatherTool], tool_choice: { type: 'any' } },
    'Thinking may not be enabled when tool_choice forces tool use.',
  ],
  [
    {
      thinking: budget,
      messages: [user, { role: 'assistant', content: [call] }, { role: 'user', content: [result] }],
    },
    'messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking',
  ],
  [{ model: 'claude-sonnet-5', temperature: 0 }, '`temperature` is deprecated for this model.'],
  [{ model: 'claude-opus-4-7', top_p: 0.9 }, '`top_p` is deprecated for this model.'],
  [{ model: 'claude-opus-5', top_k: 4 }, '`top_k` is deprecated for this model.'],
  [
    { temperature: 0.3, top_p: 0.9 },
    '`temperature` and `top_p` cannot both be specified for this model. Please use only one.',
  ],
  [
    { output_config: { effort: 'xhigh' } },
    "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium.",
  ],
  [
    { model: 'claude-opus-4-5', output_config: { effort: 'max' } },
    "This model does not support effort level 'max'. Supported levels: high, low, medium.",
  ],
  [
    { model: 'claude-haiku-4-5', output_config: { effort: 'low' } },
    'This model does not support the effort parameter.',
  ],
  [
    { output_config: { effort: 'some' } },
    "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
  ],
  [{ output_format: { type: 'json_schema' } }, 'output_format.schema: Field required'],
  [{ output_config: { format: { type: 'json_schema' } } }, 'output_config.format.schema: Field required'],
  [
    { tools: Array.from({ length: 23 }, (_, index) => ({ ...strict({}), name: `t${index}` })) },
    'Too many strict tools (23). The maximum number of strict tools supported is 20. Try reducing the number of tools marked as strict.',
  ],
  [
    {
      tools: [
        strict(many(10, union), all(many(10, 0))),
        { ...strict(many(9, oneOfTwo), all(many(9, 0))), name: 'b' },
      ],
    },
    'Schemas contains too many parameters with union types (19 parameters with type arrays or anyOf). This causes exponential compilation cost. Reduce the number of nullable or union-typed parameters (limit: 16 parameters with unions).',
  ],
  [{ tools: [strict(many(16, union), all(many(16, 0)))] }, tooComplex],
  [
    { tools: [strict(many(20, { type: 'string' })), { ...strict({ in: strict(many(6, {})) }), name: 'b' }] },
    'Schemas contains too many optional parameters (27), which would make grammar compilation inefficient. Reduce the number of optional parameters in your tool schemas (limit: 24).',
  ],
  [
    { tools: [weatherTool, strict({ x: true })] },
    "tools.1.custom: For 'object' type, property 'properties' is not supported",
  ],
  [
    { tools: [strict({}, { $defs: { Tree: reference('Tree') } })] },
    `tools.0.custom: ${circular('Tree -> Tree')}`,
  ],
  [
    {
      tools: [
        weatherTool,
        strict({}, { $defs: { A: reference('B'), B: reference('C'), C: reference('A') } }),
      ],
    },
    `tools.1.custom: ${circular('A -> B -> C -> A')}`,
  ],
];

/** A little beside each of these: what is just not refused. */
const taken: readonly object[] = [
  { model: 'claude-haiku-4-5', max_tokens: 64_000 },
  { model: 'claude-opus-4-7', thinking: { type: 'adaptive' }, temperature: 1 },
  { model: 'claude-3-haiku-20240307', max_tokens: 4096, temperature: 0.5, top_p: 0.5 },
  { thinking: { type: 'disabled' }, temperature: 0.2, tools: [weatherTool], tool_choice: { type: 'any' } },
  { thinking: { type: 'adaptive' }, tools: [weatherTool], tool_choice: { type: 'any' } },
  { output_config: { effort: 'max', format: null } },
  { tools: [strict(many(24, { type: 'string' }))] },
  { tools: [strict(many(15, union), all(many(15, 0)))] },
  { tools: [strict({}, { $defs: { A: reference('B'), B: { type: 'string' } } })] },
  { tools: [{ ...strict(many(40, union)), strict: false }] },
  { model: 'claude-mythos-preview' },
];

describe('a body that is', () => {
  test('more than its model or its tools allow is answered with 400 and the whole text', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const [changes, message] of refused) {
      const response = await post(simulator, toBody('Hi', changes));
      const body = (await response.json()) as { error?: object };
      assert.deepEqual(body.error, { type: 'invalid_request_error', message });
      assert.equal(response.status, 400);
    }
    for (const changes of taken) {
      const response = await post(simulator, toBody('Hi', changes));
      assert.equal(response.status, 200, `${JSON.stringify(changes)}: ${await response.text()}`);
    }
  });

  test('too long for its model is answered with the estimate and the limit', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const body = toBody('word '.repeat(230_000), { model: 'claude-haiku-4-5' });
    const response = await post(simulator, body);
    const { error } = (await response.json()) as { error: { message: string } };
    const [, tokens = 0] = /^prompt is too long: (\d+) tokens > 200000 maximum$/.exec(error.message) ?? [];
    assert.equal(response.status, 400);
    assert.ok(Number(tokens) > 200_000 && Number(tokens) < 300_000, error.message);
    assert.equal((await post(simulator, { ...body, model: 'claude-sonnet-4-6' })).status, 200);
  });

  test('for no model there is is answered with 404, whatever it looks like', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const model of [
      'claude-nope',
      'claude-sonet-4-5',
      'claude-4-5-haiku',
      'claude-haiku-4-5-latest',
      'gpt-4',
    ]) {
      for (const path of ['messages', 'messages/count_tokens', 'complete']) {
        const response = await fetch(`${simulator.url}/v1/${path}`, {
          method: 'POST',
          headers: { 'anthropic-version': '2023-06-01' },
          body: JSON.stringify(toBody('Hi', { model })),
        });
        const { error } = (await response.json()) as { error: object };
        assert.deepEqual(error, { type: 'not_found_error', message: `model: ${model}` });
        assert.equal(response.status, 404);
      }
    }
  });

  test('to count that is wrong beyond its messages is answered with 400 too', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const [changes, message] of [
      [{ thinking: { type: 'enabled' } }, 'thinking.enabled.budget_tokens: Field required'],
      [{ tool_choice: 3 }, 'tool_choice: Input should be an object'],
      [{ tool_choice: { type: 'tool', name: 'nobody' } }, "Tool 'nobody' not found in provided tools"],
      [{ nothing: 1 }, 'nothing: Extra inputs are not permitted'],
    ] as const) {
      const response = await fetch(`${simulator.url}/v1/messages/count_tokens`, {
        method: 'POST',
        headers: { 'anthropic-version': '2023-06-01' },
        body: JSON.stringify(toBody('Hi', changes)),
      });
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as { error: object };
      assert.deepEqual(error, { type: 'invalid_request_error', message });
    }
  });

  test('invalid is answered with 400 and the text that names the fault', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const [changes, message] of invalid) {
      const response = await post(simulator, toBody('Hi', { stream: true, ...changes }));
      const body = (await response.json()) as { error: { message: string } };
      assert.equal(response.status, 400, message);
      assert.equal(body.error.message.slice(0, message.length), message);
      assert.deepEqual(body, {
        type: 'error',
        error: { type: 'invalid_request_error', message: body.error.message },
        request_id: response.headers.get('request-id'),
      });
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.equal(response.headers.get('x-should-retry'), 'false');
      assert.equal(response.headers.get('x-simulator'), '1');
      assert.equal(response.headers.get('anthropic-ratelimit-requests-limit'), null);
      assert.match(response.headers.get('request-id') ?? '', /^req_011C[1-9A-HJ-NP-Za-km-z]{20}$/);
    }
  });

  test('valid is not refused: both generations of headers, system messages, a model nobody lists', async () => {
    await using simulator = await startSimulator({
      speed: 0,
      requireKey: true,
      models: ['claude-of-tomorrow'],
    });
    const old = { 'anthropic-version': '2023-06-01', authorization: '', 'x-api-key': 'key' };
    for (const [changes, headers] of [
      [{}, {}],
      [{}, old],
      [{ temperature: 1, top_k: 3, metadata: {}, system: 'Be brief.' }, old],
      [{ messages: [user, { role: 'system', content: 'Go on' }, user] }, {}],
      [{ messages: [user, { role: 'assistant', content: [call] }, { role: 'user', content: [result] }] }, {}],
      [{ model: 'claude-of-tomorrow', max_tokens: 10_000_000 }, {}],
      [{ tools: [{ type: 'web_search_20260209', name: 'web_search' }] }, {}],
    ] as const) {
      const response = await post(simulator, toBody('Hi', changes), headers);
      assert.equal(response.status, 200, await response.text());
    }
  });

  test('not JSON is answered with 400', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const [body, complaint] of [
      ['', /^The request body is not valid JSON: /],
      ['{"model":', /^The request body is not valid JSON: /],
      [
        '"\\ud83d"',
        /^The request body is not valid JSON: no low surrogate in string: line 1 column 2 \(char 1\)$/,
      ],
      [
        `{"messages":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
        /^The request body is not valid JSON: Recursion limit reached$/,
      ],
      ['[]', /^Input should be a valid dictionary$/],
    ] as const) {
      const response = await post(simulator, body);
      assert.equal(response.status, 400);
      assert.match(((await response.json()) as { error: { message: string } }).error.message, complaint);
    }
    assert.equal((await post(simulator, toBody('\\ud83d escaped'))).status, 200);
    const nested = (depth: number): object =>
      depth === 0 ? {} : { type: 'array', items: nested(depth - 1) };
    const tools = [{ name: 'deep', input_schema: { type: 'object', properties: { value: nested(1000) } } }];
    const forced = { tools, tool_choice: { type: 'any' } };
    assert.equal((await post(simulator, toBody('Hi', forced))).status, 200);
  });
});

describe('a request', () => {
  const cases: readonly [what: string, path: string, init: RequestInit, status: number, error: object][] = [
    [
      'for a model that is not Claude',
      '/v1/messages',
      { method: 'POST', body: JSON.stringify(toBody('Hi', { model: 'gpt-4' })) },
      404,
      { type: 'not_found_error', message: 'model: gpt-4' },
    ],
    ['to an unknown path', '/v1/files', {}, 404, { type: 'not_found_error', message: 'Not found' }],
    ['to a path that is no URL', '//', {}, 404, { type: 'not_found_error', message: 'Not found' }],
    [
      'with a wrong method',
      '/v1/messages',
      { method: 'GET' },
      405,
      { type: 'invalid_request_error', message: 'Method Not Allowed' },
    ],
    [
      'without anthropic-version',
      '/v1/messages',
      { method: 'POST', body: '{}', headers: { 'x-api-key': 'x' } },
      400,
      { type: 'invalid_request_error', message: 'anthropic-version: header is required' },
    ],
    [
      'without a key, where one is required',
      '/v1/models',
      { headers: { 'anthropic-version': 'x', authorization: 'Basic x' } },
      401,
      { type: 'authentication_error', message: 'x-api-key header is required' },
    ],
  ];
  for (const [what, path, init, status, error] of cases) {
    test(`${what} is answered with ${status}`, async () => {
      await using simulator = await startSimulator({ requireKey: true });
      const headers = init.headers ?? { 'anthropic-version': '2026-10-21', 'x-api-key': 'x' };
      const response = await fetch(simulator.url + path, { ...init, headers });
      assert.equal(response.status, status);
      const body = (await response.json()) as object;
      assert.deepEqual(body, { type: 'error', error, request_id: response.headers.get('request-id') });
    });
  }
});

describe('a key', () => {
  const messageFor = async (
    options: object,
    headers: Record<string, string>,
  ): Promise<string | undefined> => {
    await using simulator = await startSimulator({ speed: 0, ...options });
    const response = await fetch(`${simulator.url}/v1/models`, {
      headers: { 'anthropic-version': 'x', ...headers },
    });
    const { error } = (await response.json()) as { error?: { type: string; message: string } };
    assert.deepEqual(
      [response.status, error?.type],
      error ? [401, 'authentication_error'] : [200, undefined],
    );
    return error?.message;
  };

  test('that is wrong is answered with 401, in the text of the header it came in', async () => {
    for (const [options, key] of [
      [{}, 'sk-invalid'],
      [{ keys: ['sk-right'] }, 'sk-wrong'],
    ] as const) {
      assert.equal(await messageFor(options, { 'x-api-key': key }), 'invalid x-api-key');
      assert.equal(await messageFor(options, { authorization: `Bearer ${key}` }), 'API key is invalid.');
    }
    assert.equal(await messageFor({ keys: ['sk-right'] }, { authorization: 'Bearer sk-right' }), undefined);
    assert.equal(await messageFor({ keys: ['sk-right'] }, {}), 'x-api-key header is required');
    assert.equal(await messageFor({}, {}), undefined);
  });
});

describe('startSimulator()', () => {
  test('rejects with port_in_use when the port is taken, and says which', async () => {
    await using simulator = await startSimulator();
    await assert.rejects(startSimulator({ port: simulator.port }), (error: unknown) => {
      assert.ok(error instanceof SimulatorError);
      assert.equal(error.code, 'port_in_use');
      assert.ok(error.message.includes(`127.0.0.1:${simulator.port}`));
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'EADDRINUSE');
      return true;
    });
  });

  test('rejects with cannot_listen for an address that is not of this computer', async () => {
    await assert.rejects(startSimulator({ host: '192.0.2.1' }), { code: 'cannot_listen' });
  });

  test('rejects with a RangeError for an option out of range', async () => {
    for (const options of [
      { port: 70_000 },
      { port: 1.5 },
      { speed: -1 },
      { speed: NaN },
      { maxBodyBytes: 0 },
    ]) {
      await assert.rejects(startSimulator(options), RangeError);
    }
  });
});
