// What a page of `useChat` sends, and what becomes of it on its way to the Messages API.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFetchTransport } from 'millrace/client';
import { createFetchHandler, createRelay } from 'millrace/relay';
import { createSimulator, startSimulator } from 'millrace/simulator';
import { MemoryStreamLog } from 'millrace/storage';
import { toHistory } from '../../src/relay/use-chat/to-history.ts';
import { startTestRelay } from '../support/relay.ts';

type Part = Readonly<Record<string, unknown>>;

const user = (...parts: readonly Part[]) => ({ id: 'u', role: 'user', parts });
const answer = (...parts: readonly Part[]) => ({ id: 'a', role: 'assistant', parts });
const say = (text: string) => ({ type: 'text', text });
const step = { type: 'step-start' };
const question = user(say('x'));
const asked = { role: 'user', content: [say('x')] };

/** The turns behind the first question. */
const turnsAfter = (...messages: readonly Part[]) => toHistory([question, ...messages]).turns.slice(1);

test('toHistory() keeps thinking with its signature and citations as they were, and drops what the API refuses', () => {
  const cited = { type: 'web_search_result_location', url: 'https://a.example/', encrypted_index: 'x' };
  const turns = turnsAfter(
    answer(
      step,
      { type: 'reasoning', text: 'hm', providerMetadata: { anthropic: { signature: 'c2ln' } } },
      { type: 'reasoning', text: '', providerMetadata: { anthropic: { redactedData: 'ZGF0YQ==' } } },
      { type: 'reasoning', text: 'broken off' },
      say(' \n'),
      { ...say('A.'), providerMetadata: { anthropic: { citations: [cited] } } },
      { type: 'source-url', sourceId: '1', url: 'https://a.example/' },
      { type: 'data-block', data: { type: 'compaction', content: 'c' } },
      { type: 'data-mine', data: 1 },
    ),
    question,
  );
  assert.deepEqual(turns, [
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
        { type: 'redacted_thinking', data: 'ZGF0YQ==' },
        { ...say('A.'), citations: [cited] },
        { type: 'compaction', content: 'c' },
      ],
    },
    asked,
  ]);
});

const call = (state: string, more: Part = {}) => ({
  type: 'dynamic-tool',
  toolName: 'get_weather',
  toolCallId: 't1',
  state,
  input: { city: 'Rome' },
  ...more,
});
const toolUse = { type: 'tool_use', id: 't1', name: 'get_weather', input: { city: 'Rome' } };

const results: readonly [what: string, part: Part, content: Part][] = [
  ['a text', call('output-available', { output: 'Sunny' }), { content: 'Sunny' }],
  ['a value', call('output-available', { output: { degrees: 21 } }), { content: '{"degrees":21}' }],
  ['nothing', call('output-available', { output: '' }), {}],
  ['an error', call('output-error', { errorText: 'Too far' }), { content: 'Too far', is_error: true }],
  [
    'a refusal',
    call('output-denied', { approval: { approved: false, reason: 'Not now' } }),
    { content: 'Not now', is_error: true },
  ],
  ['no result', call('input-available'), { content: 'This call was not carried out', is_error: true }],
  [
    'a typed part',
    { ...call('output-available', { output: 'Sunny' }), type: 'tool-get_weather', toolName: undefined },
    { content: 'Sunny' },
  ],
];

for (const [what, part, content] of results) {
  test(`toHistory() puts the result of a call into the turn behind it: ${what}`, () => {
    assert.deepEqual(turnsAfter(answer(step, part), user(say('y'))), [
      { role: 'assistant', content: [toolUse] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', ...content }, say('y')] },
    ]);
  });
}

test('toHistory() makes a turn of each step, and drops calls that broke off, and thinking that led to nothing', () => {
  const thought = { type: 'reasoning', text: 'hm', providerMetadata: { anthropic: { signature: 's' } } };
  const turns = turnsAfter(
    answer(step, call('output-available', { output: 'a' }), step, say('b')),
    user(say('y')),
    answer(step, thought, call('input-streaming')),
    user(say('z')),
    answer(step, call('output-error', { input: '{"ci', errorText: 'no JSON' })),
  );
  assert.deepEqual(turns, [
    { role: 'assistant', content: [toolUse] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'a' }] },
    { role: 'assistant', content: [say('b')] },
    { role: 'user', content: [say('y'), say('z')] },
  ]);
});

test('toHistory() takes messages of more parts than a call may have arguments, and joins those of one role', () => {
  const parts = Array.from({ length: 200_000 }, () => say('a'));
  const said = { id: 'u', role: 'user', parts };
  const { turns, system } = toHistory([{ ...said, role: 'system' }, said, said]);
  assert.deepEqual([turns.length, turns[0]?.content.length, system.length], [1, 400_000, 3 * 200_000 - 2]);
});

test('toHistory() gives a call that the API ran back with its result, and neither without the other', () => {
  const server = {
    providerExecuted: true,
    callProviderMetadata: { millrace: { block: { type: 'mcp_tool_use', server_name: 'm' } } },
  };
  const result = {
    resultProviderMetadata: { millrace: { block: { type: 'mcp_tool_result', is_error: false } } },
  };
  const turns = turnsAfter(
    answer(step, call('output-available', { ...server, ...result, output: [say('Sunny')] }), say('b')),
    user(say('y')),
    answer(step, say('c'), call('input-available', server)),
    user(say('z')),
  );
  assert.deepEqual(turns[0]?.content, [
    { ...toolUse, type: 'mcp_tool_use', server_name: 'm' },
    { type: 'mcp_tool_result', tool_use_id: 't1', content: [say('Sunny')], is_error: false },
    say('b'),
  ]);
  assert.deepEqual(turns[2]?.content, [say('c')]);
});

const dataUrl = (type: string, text: string) => `data:${type};base64,${btoa(text)}`;
const files: readonly [part: Part, block: Part][] = [
  [
    { mediaType: 'image/png', url: dataUrl('image/png', 'png') },
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: btoa('png') } },
  ],
  [
    { mediaType: 'image', url: 'https://a.example/b.png' },
    { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
  ],
  [
    { mediaType: 'application/pdf', filename: 'b.pdf', url: dataUrl('application/pdf', '%PDF') },
    {
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: btoa('%PDF') },
      title: 'b.pdf',
    },
  ],
  [
    { mediaType: 'text/markdown', url: 'data:text/markdown;charset=utf-8,%C3%BC%20b' },
    { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'ü b' } },
  ],
  [
    { mediaType: 'text/csv', filename: 'c.csv', url: 'data:text/csv;base64,w7wsYg==' },
    { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'ü,b' }, title: 'c.csv' },
  ],
  [
    { mediaType: 'image/png', providerReference: { anthropic: 'file_1' }, url: '' },
    { type: 'image', source: { type: 'file', file_id: 'file_1' } },
  ],
];

for (const [part, block] of files) {
  test(`toHistory() sends a file of the type ${part['mediaType']} as ${(block['source'] as Part)['type']}`, () => {
    const { turns } = toHistory([user({ type: 'file', ...part }, say('What is it?'))]);
    assert.deepEqual(turns, [{ role: 'user', content: [block, say('What is it?')] }]);
  });
}

const bad: readonly [what: string, body: unknown, said: RegExp][] = [
  ['no list', { id: 'c', messages: 'x' }, /^messages: must be a list of at least one message$/],
  ['no messages', { id: 'c', messages: [] }, /^messages: must be a list/],
  [
    'no parts',
    { id: 'c', messages: [{ role: 'user', content: 'x' }] },
    /^messages\[0\]: must be a message with/,
  ],
  [
    'another role',
    { id: 'c', messages: [{ role: 'tool', parts: [] }] },
    /^messages\[0\]\.role: must be user/,
  ],
  ['no id', { messages: [question] }, /^id: must be the id of a chat, of 1 to 128 characters, /],
  ['half a character as its id', { id: '\ud83d', messages: [question] }, /^id: must be the id of a chat/],
  ['dots as its id', { id: '..', messages: [question] }, /^id: must be .* and not "\." or "\.\."$/],
  ['a long id', { id: 'c'.repeat(129), messages: [question] }, /^id: must be the id of a chat/],
  ['nothing said', { id: 'c', messages: [user(say(' '))] }, /^messages: there is nothing to answer/],
  [
    'an answer last',
    { id: 'c', messages: [question, answer(say('x'))] },
    /^messages: there is nothing to answer/,
  ],
  [
    'a film',
    {
      id: 'c',
      messages: [user({ type: 'file', mediaType: 'video/mp4', url: 'data:video/mp4;base64,AA==' })],
    },
    /^messages\[0\]\.parts\[0\]: a file of the type "video\/mp4" cannot be sent to Claude$/,
  ],
  [
    'a file of this machine',
    { id: 'c', messages: [user({ type: 'file', mediaType: 'image/png', url: 'blob:http://x/1' })] },
    /^messages\[0\]\.parts\[0\]\.url: must be a data URL, or begin with http/,
  ],
  [
    'tools of another kind',
    { id: 'c', messages: [question], tools: 'x' },
    /^tools: must be a list of tools$/,
  ],
  [
    'onDisconnect',
    { id: 'c', messages: [question], onDisconnect: 'x' },
    /^onDisconnect: must be stop or continue/,
  ],
  ['what upstream refuses', { id: 'c', messages: [question], model: 'none' }, /^model: none$/],
  ['what is no JSON', '{', /^The request body is not valid JSON$/],
];

test('POST /api/chat answers a request that is wrong with a sentence that says what is', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  for (const [what, body, said] of bad) {
    const response = await fetch(`${relay.url}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    assert.match(await response.text(), said, what);
    assert.ok([400, 404].includes(response.status), what);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  }
  for (const path of ['/api/chat/none/stop', '/api/chat?v=5', '/api/chat/%ff/stop']) {
    const response = await fetch(relay.url + path, { method: 'POST' });
    assert.match(await response.text(), /^[A-Zv].*[a-z0-9"]$/, path);
    assert.ok([400, 404].includes(response.status), path);
  }
  assert.deepEqual(relay.errors, []);
});

test('POST /api/chat passes fields of the Messages API on, takes tools by name, and keeps the page’s own fields', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const parameters = { type: 'object', properties: {} };
  const response = await fetch(`${relay.url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id: 'c',
      trigger: 'submit-message',
      messages: [{ id: 's', role: 'system', parts: [say('Be kind.')] }, question],
      system: 'Be short.',
      max_tokens: 99,
      tools: { get_weather: { description: 'The weather', parameters } },
      callSettings: {},
      sessionId: 'mine',
    }),
  });
  await response.text();
  assert.deepEqual(upstream.requests[0]?.params, {
    model: 'claude-sonnet-5',
    max_tokens: 99,
    system: 'Be short.\n\nBe kind.',
    tools: [{ name: 'get_weather', description: 'The weather', input_schema: parameters }],
    messages: [asked],
    stream: true,
  });
});

test('a chat belongs to its owner: another one finds nothing to read and nothing to stop under its id', async () => {
  const { fetch: ask } = createSimulator({ speed: 0 });
  const log = new MemoryStreamLog();
  const relay = createRelay({
    upstream: { baseURL: 'http://127.0.0.1:1', transport: createFetchTransport(ask), apiKey: 'k' },
    log,
    settings: { simulated: true, version: '0', model: 'claude-sonnet-5', maxTokens: 99 },
  });
  const handle = createFetchHandler(relay, { ownerOf: ({ headers }) => headers.get('x-user') ?? undefined });
  const as = (owner: string, path: string, body?: object) =>
    handle(
      new Request(`http://relay.example${path}`, {
        method: path.endsWith('/stream') ? 'GET' : 'POST',
        headers: { 'x-user': owner, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      }),
    );
  const first = await as('anna', '/api/chat', { id: 'c', messages: [user(say('echo A'))] });
  assert.match(await first.text(), /"delta":"A"/);
  assert.equal((await as('ben', '/api/chat/c/stream')).status, 204);
  assert.equal((await as('ben', '/api/chat/c/stop')).status, 404);
  assert.equal((await as('anna', '/api/chat/c/stop')).status, 200);
  assert.match(await (await as('anna', '/api/chat/c/stream')).text(), /"delta":"A"/);
  await relay.close();
  await log[Symbol.asyncDispose]();
});
