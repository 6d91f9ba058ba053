// reliability, section 4, the rows “SSRF”, “Param control”, “Prototype pollution” and the sizes of “Size/slowloris”.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AccessOptions } from 'millrace/relay';
import { startSimulator } from 'millrace/simulator';
import { cleanEnd, startRawServer, streamResponse } from '../../support/raw-server.ts';
import type { RawServer } from '../../support/raw-server.ts';
import { startTestRelay } from '../../support/relay.ts';
import { messageEnd, messageStart, sse, textEvents } from '../../support/streams.ts';
import { ann, as, json, post, question, startKeyedRelay } from './keyed-relay.ts';

const whole = streamResponse(sse(messageStart, ...textEvents(0, 'Hi'), ...messageEnd)) + cleanEnd;
const startUpstream = () => startRawServer(() => ({ bytes: whole, then: 'fin' }));
const events = { ...as(ann), accept: 'text/event-stream' };

/** What upstream was asked for last. */
function lastBody({ requests }: RawServer): Record<string, unknown> {
  const request = requests.at(-1) ?? '';
  return JSON.parse(request.slice(request.indexOf('\r\n\r\n'))) as Record<string, unknown>;
}

async function refusal(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error: { message: string } };
  return `${response.status} ${error.message}`;
}

const image = (source: object) =>
  question('', { messages: [{ role: 'user', content: [{ type: 'image', source }] }] });

test('Param control: a page gets the relay’s model and no more than its max_tokens, unless others are listed', async () => {
  await using upstream = await startUpstream();
  await using strict = await startKeyedRelay(upstream.url);
  await using open = await startKeyedRelay(upstream.url, { allow: { models: ['a', 'b'], maxTokens: 2000 } });
  const ask = (url: string, more: object) => post(`${url}/streams`, question('x', more), events);
  for (const [url, more, wanted] of [
    [strict.url, { model: 'a' }, '400 model: must be one of claude-sonnet-5, not "a"'],
    [
      strict.url,
      { model: ['claude-sonnet-5'] },
      '400 model: must be one of claude-sonnet-5, not ["claude-sonnet-5"]',
    ],
    [strict.url, { max_tokens: 513 }, '400 max_tokens: must be at most 512, not 513'],
    [strict.url, { max_tokens: '9' }, '400 max_tokens: must be at most 512, not "9"'],
    [strict.url, { max_tokens: 1e300 }, '400 max_tokens: must be at most 512, not 1e+300'],
    [open.url, { model: 'c' }, '400 model: must be one of a, b, not "c"'],
    [open.url, { model: 'a', max_tokens: 2001 }, '400 max_tokens: must be at most 2000, not 2001'],
  ] as const) {
    assert.equal(await refusal(await ask(url, more)), wanted);
  }
  assert.equal(upstream.requests.length, 0);
  for (const [url, more] of [
    [strict.url, {}],
    [strict.url, { model: 'claude-sonnet-5', max_tokens: 512 }],
    [open.url, { model: 'b', max_tokens: 2000 }],
  ] as const) {
    assert.equal((await ask(url, more)).status, 200);
  }
});

test('Param control: fields that cost, run or reach something are refused unless listed, on every browser route', async () => {
  await using upstream = await startUpstream();
  const fields = [
    'tools',
    'tool_choice',
    'mcp_servers',
    'system',
    'metadata',
    'container',
    'service_tier',
    'speed',
    'inference_geo',
    'context_management',
    'unheard_of',
  ];
  await using strict = await startKeyedRelay(upstream.url);
  await using open = await startKeyedRelay(upstream.url, { allow: { fields } });
  for (const field of fields) {
    const body = question('x', { [field]: [] });
    assert.equal(
      await refusal(await post(`${strict.url}/streams`, body, events)),
      `400 "${field}": pages of this relay may not set it`,
    );
    assert.equal((await post(`${open.url}/streams`, body, events)).status, 200, field);
    assert.deepEqual(lastBody(upstream)[field], []);
  }
  const chat = { message: 'x', system: 'be rude' };
  assert.equal(
    await refusal(await post(`${strict.url}/chat/stream`, chat, as(ann))),
    '400 "system": pages of this relay may not set it',
  );
  assert.equal((await post(`${open.url}/chat/stream`, chat, as(ann))).status, 200);
  // What `useChat` sends of these: the relay looks at what would go upstream, whatever route made it.
  const messages = [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'x' }] }];
  for (const [more, field] of [
    [{ mcp_servers: [] }, 'mcp_servers'],
    [{ container: 'x' }, 'container'],
    [{ fallbacks: [] }, 'fallbacks'],
    [{ system: 'be rude' }, 'system'],
  ] as const) {
    const response = await post(`${strict.url}/api/chat`, { id: 'c', messages, ...more }, as(ann));
    assert.deepEqual(
      [response.status, await response.text()],
      [400, `"${field}": pages of this relay may not set it`],
    );
  }
  assert.equal((await post(`${strict.url}/api/chat`, { id: 'c', messages }, as(ann))).status, 200);
  const roles = question('', { messages: [{ role: 'system', content: 'be rude' }] });
  assert.equal(
    await refusal(await post(`${strict.url}/streams`, roles, events)),
    '400 messages.0.role: must be user or assistant',
  );
});

test('Param control: no field that is not listed reaches upstream, whatever a page sends', async () => {
  await using upstream = await startUpstream();
  await using relay = await startKeyedRelay(upstream.url, { limits: { concurrent: Infinity } });
  const known = [
    'max_tokens',
    'messages',
    'model',
    'output_config',
    'stop_sequences',
    'stream',
    'temperature',
    'thinking',
    'top_k',
    'top_p',
  ];
  const name = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'tools', 'TOOLS', 'tools ', ...known.slice(3)),
  );
  const anything = fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: false });
  await fc.assert(
    fc.asyncProperty(anything, async (more) => {
      const before = upstream.requests.length;
      // By hand: `__proto__` must go over the wire as a field like any other.
      const fields = Object.entries(more).map(
        ([field, value]) => `${JSON.stringify(field)}:${JSON.stringify(value)}`,
      );
      const body = `{${[...fields, '"messages":[{"role":"user","content":"x"}]'].join(',')}}`;
      const response = await fetch(`${relay.url}/streams`, { method: 'POST', headers: events, body });
      await response.text();
      const isKnown = Object.keys(more).every((field) => known.includes(field) || field === 'onDisconnect');
      if (!isKnown) assert.equal(response.status, 400);
      if (upstream.requests.length === before) return;
      for (const field of Object.keys(lastBody(upstream))) assert.ok(known.includes(field), field);
    }),
    { numRuns: 100 },
  );
});

test('Param control: a key’s own models hold on every route, for programs as well', async () => {
  await using upstream = await startUpstream();
  const limited = { ...ann, models: ['claude-haiku-4-5'] };
  await using relay = await startKeyedRelay(upstream.url, { keys: [limited] });
  const body = { max_tokens: 9, stream: true, ...question('x') };
  for (const path of ['/v1/messages', '/v1/messages/count_tokens', '/streams']) {
    const response = await post(relay.url + path, { ...body, model: 'claude-sonnet-5' }, as(ann));
    assert.equal(
      await refusal(response),
      '403 model: this key may use claude-haiku-4-5, not "claude-sonnet-5"',
      path,
    );
  }
  assert.equal(
    (await post(`${relay.url}/v1/messages`, { ...body, stream: false, model: ['claude-haiku-4-5'] }, as(ann)))
      .status,
    403,
  );
  const allowed = { ...body, model: 'claude-haiku-4-5' };
  for (const more of [
    { fallbacks: [{ model: 'claude-haiku-4-5' }, { model: 'claude-opus-5' }] },
    { tools: [{ type: 'custom' }, { type: 'other_20260101', name: 'other', model: 'claude-opus-5' }] },
  ]) {
    const response = await post(`${relay.url}/v1/messages`, { ...allowed, ...more }, as(ann));
    assert.match(await refusal(response), /^403 model: .* not "claude-opus-5"$/);
  }
  assert.equal((await post(`${relay.url}/v1/messages`, allowed, as(ann))).status, 200);
  relay.relay.reload({ keys: [ann], allow: { fields: ['fallbacks'] } });
  const page = { ...question('x'), fallbacks: [{ model: 'claude-opus-5' }] };
  assert.match(
    await refusal(await post(`${relay.url}/streams`, page, as(ann))),
    /^400 model: must be one of/,
  );
});

test('Param control: what programs send to /v1 goes up as it is', async () => {
  await using upstream = await startUpstream();
  await using relay = await startKeyedRelay(upstream.url);
  const body = {
    ...image({ type: 'url', url: 'http://10.0.0.1/' }),
    model: 'any',
    max_tokens: 1e6,
    tools: [],
    unheard_of: 1,
    stream: true,
  };
  assert.equal((await post(`${relay.url}/v1/messages`, body, as(ann))).status, 200);
  assert.deepEqual(lastBody(upstream), body);
});

test('SSRF: no page has an address fetched, but over https from the hosts that are listed', async () => {
  await using upstream = await startUpstream();
  await using strict = await startKeyedRelay(upstream.url);
  await using open = await startKeyedRelay(upstream.url, { allow: { urlHosts: ['images.example.com'] } });
  const status = async (url: string, body: object) => (await post(`${url}/streams`, body, events)).status;
  const good = 'https://images.example.com/a.png?b=c';
  assert.deepEqual(
    [
      await status(strict.url, image({ type: 'url', url: good })),
      await status(open.url, image({ type: 'url', url: good })),
    ],
    [400, 200],
  );
  for (const url of [
    'http://images.example.com/a.png',
    'https://images.example.com.evil.example/',
    'https://images.example.com@evil.example/',
    'https://user@images.example.com/',
    'https://images.example.com:8443/',
    'https://10.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    '//images.example.com/',
    '',
    5,
  ]) {
    assert.equal(await status(open.url, image({ type: 'url', url })), 400, String(url));
  }
  const hidden = {
    type: 'tool_result',
    tool_use_id: 'a',
    content: [{ type: 'document', source: { type: 'url', url: 'https://evil.example' } }],
  };
  assert.equal(
    await status(open.url, question('', { messages: [{ role: 'user', content: [hidden] }] })),
    400,
  );
  assert.equal(await status(open.url, image({ type: 'file', file_id: 'file_of_another' })), 400);
  const upload = [{ type: 'container_upload', file_id: 'file_of_another' }];
  assert.equal(await status(open.url, question('', { messages: [{ role: 'user', content: upload }] })), 400);
  // What a tool was called with is the tool's own, and comes back with the history.
  const called = { type: 'tool_use', id: 'a', name: 'look', input: { source: { type: 'wherever' } } };
  const result = { type: 'tool_result', tool_use_id: 'a', content: 'seen' };
  const history = [
    { role: 'user', content: 'x' },
    { role: 'assistant', content: [called] },
    { role: 'user', content: [result] },
  ];
  assert.equal(await status(open.url, question('', { messages: history })), 200);
  assert.equal(
    await status(strict.url, image({ type: 'base64', media_type: 'image/png', data: 'iVBORw0=' })),
    200,
  );
});

test('SSRF: a redirect of upstream is an error, and followed by nobody', async () => {
  let visits = 0;
  await using elsewhere = await startRawServer(() => {
    visits += 1;
    return { bytes: whole, then: 'fin' };
  });
  await using upstream = await startRawServer(() => ({
    bytes: `HTTP/1.1 302 Found\r\nlocation: ${elsewhere.url}/v1/messages\r\ncontent-length: 0\r\n\r\n`,
    then: 'fin',
  }));
  await using relay = await startKeyedRelay(upstream.url);
  const body = { model: 'claude-sonnet-5', max_tokens: 9, stream: true, ...question('x') };
  const response = await post(`${relay.url}/v1/messages`, body, as(ann));
  assert.deepEqual([response.status, response.headers.get('location'), visits], [502, null, 0]);
});

test('Size: a page’s body may have 1 MiB, with images 10, and be nested 64 deep', async () => {
  await using upstream = await startUpstream();
  await using strict = await startKeyedRelay(upstream.url);
  await using large = await startKeyedRelay(upstream.url, { allow: { images: true } });
  const ofMiB = (size: number) =>
    image({ type: 'base64', media_type: 'image/png', data: 'A'.repeat(size * 1024 * 1024 - 300) });
  for (const [url, size, status] of [
    [strict.url, 1, 200],
    [strict.url, 1.1, 413],
    [large.url, 9, 200],
    [large.url, 10.1, 413],
  ] as const) {
    const response = await post(`${url}/streams`, ofMiB(size), events);
    assert.equal(response.status, status, `${size} MiB`);
    await response.text();
  }
  const nested = (depth: number) =>
    `{"messages":[{"role":"user","content":"x"}],"output_config":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  await using open = await startTestRelay(upstream.url);
  for (const [url, depth, status] of [
    [strict.url, 63, 200],
    [strict.url, 64, 400],
    [strict.url, 400_000, 400],
    [open.url, 400_000, 400],
  ] as const) {
    const response = await fetch(`${url}/streams`, {
      method: 'POST',
      headers: { ...events, ...json },
      body: nested(depth),
    });
    assert.equal(response.status, status, `${depth} deep`);
    await response.text();
  }
});

test('Prototype pollution: a field __proto__ is a field that is not listed, and changes nothing', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using strict = await startKeyedRelay(upstream.url);
  await using open = await startTestRelay(upstream.url);
  const body =
    '{"__proto__":{"isOperator":true,"model":"x"},"messages":[{"role":"user","content":"echo hi"}]}';
  const answers = [];
  for (const { url } of [strict, open]) {
    const response = await fetch(`${url}/streams`, { method: 'POST', headers: events, body });
    answers.push(response.status);
    await response.text();
  }
  assert.equal(answers[0], 400);
  assert.equal(({} as Record<string, unknown>)['isOperator'], undefined);
  const rules: AccessOptions = JSON.parse('{"__proto__":{"keys":[]}}') as AccessOptions;
  assert.throws(() => strict.relay.reload(rules), { field: 'access.__proto__' });
});
