// `/v1/*` as programs see it: the official SDK, and the bytes themselves.

import type { Transport } from 'millrace/client';
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { startSimulator } from 'millrace/simulator';
import { errorResponse } from '../../src/relay/http.ts';
import { Upstream } from '../../src/relay/upstream.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const params = (content: string) => ({
  model: 'claude-sonnet-5',
  max_tokens: 2000,
  messages: [{ role: 'user' as const, content }],
});
const sdk = (baseURL: string) => new Anthropic({ apiKey: 'client-key', baseURL, maxRetries: 0 });

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Broken answers come as they are. */
const recoverOff = { 'x-millrace-recover': 'off' };

const tools = [
  {
    name: 'get_weather',
    description: 'The weather',
    input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

test('the official SDK gets through the relay what it gets from upstream, for every kind of answer', async () => {
  for (const [prompt, extra] of [
    ['tell me something', {}],
    ['markdown please', {}],
    ['think hard', { thinking: { type: 'adaptive' as const } }],
    ['use get_weather', { tools }],
    ['parallel', { tools }],
  ] as const) {
    await using direct = await startSimulator({ speed: 0, seed: 4 });
    await using upstream = await startSimulator({ speed: 0, seed: 4 });
    await using relay = await startTestRelay(upstream.url);
    const request = { ...params(prompt), ...extra, tools: [...('tools' in extra ? extra.tools : [])] };
    const expected = await sdk(direct.url).messages.stream(request).finalMessage();
    const { data, response } = await sdk(relay.url).messages.stream(request).withResponse();
    assert.deepEqual(await data.finalMessage(), expected, prompt);
    assert.match(response.headers.get('x-stream-id') ?? '', /^[\w-]{22}$/);
    assert.match(response.headers.get('request-id') ?? '', /^req_/);
    assert.notEqual(response.headers.get('anthropic-ratelimit-requests-limit'), null);
  }
});

test('POST /v1/messages without streaming gives upstream’s message', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const message = await sdk(relay.url).messages.create(params('echo 水車'));
  assert.deepEqual(
    message.content.map((block) => block.type === 'text' && block.text),
    ['水車'],
  );
  const { input_tokens } = await sdk(relay.url).messages.countTokens({
    model: 'claude-sonnet-5',
    messages: params('x').messages,
  });
  assert.ok(input_tokens > 0);
  const models = await sdk(relay.url).models.list();
  assert.ok(models.data.length > 0);
});

test('POST /v1/messages sends body, query, version, betas and key up untouched', async () => {
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(sse(messageStart, ...messageEnd)) + cleanEnd,
    then: 'fin',
  }));
  await using relay = await startTestRelay(upstream.url);
  const body = '{"stream": true,  "model":"claude-sonnet-5", "unknown" : [1.50]}';
  const headers = {
    'x-api-key': 'client-key',
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'b1,b2',
    cookie: 'secret=1',
    'x-simulator-fault': '{}',
  };
  await (await post(`${relay.url}/v1/messages?beta=true`, body, headers)).text();
  const [request] = upstream.requests;
  assert.match(request ?? '', /^POST \/v1\/messages\?beta=true HTTP\/1.1\r\n/);
  assert.match(request ?? '', /\r\nx-api-key: client-key\r\n/);
  assert.match(request ?? '', /\r\nanthropic-version: 2023-06-01\r\n/);
  assert.match(request ?? '', /\r\nanthropic-beta: b1,b2\r\n/);
  assert.doesNotMatch(request ?? '', /cookie|x-simulator-fault/i);
  assert.ok(request?.endsWith(`\r\n\r\n${body}`));
});

test('the relay’s own key replaces the client’s, in the header the client used', async () => {
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(sse(messageStart, ...messageEnd)) + cleanEnd,
    then: 'fin',
  }));
  await using relay = await startTestRelay(upstream.url, { upstream: { apiKey: 'relay-key' } });
  const body = { ...params('x'), stream: true };
  await (await post(`${relay.url}/v1/messages`, body, { 'x-api-key': 'client-key' })).text();
  await (await post(`${relay.url}/v1/messages`, body, { authorization: 'Bearer client-key' })).text();
  assert.match(upstream.requests[0] ?? '', /x-api-key: relay-key/);
  assert.match(upstream.requests[1] ?? '', /authorization: Bearer relay-key/);
  assert.doesNotMatch(upstream.requests.join(''), /client-key/);
});

test('POST /v1/messages gives upstream’s frames byte for byte, padding included, with no id', async () => {
  const body = sse(messageStart, { type: 'ping' }, ...textEvents(0, 'für', ' 水車\n'), ...messageEnd)
    .replaceAll(/\}\n\n/g, '       }\n\n')
    .replace('event: ping', 'event: new_event\ndata: {"type":"new_event"}\n\nevent: ping');
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(body) + cleanEnd,
    then: 'fin',
  }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream: true });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(response.headers.get('cache-control'), 'no-store, no-transform');
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  assert.equal(response.headers.get('request-id'), 'req_test');
  assert.equal(await response.text(), body);
});

test('an error of upstream before the stream comes through with status, headers and body as they are', async () => {
  const body = '{"type":"error","error":{"type":"rate_limit_error","message":"slow"},"request_id":"req_u"}';
  const head =
    'HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 7\r\nx-should-retry: true';
  const bytes = `${head}\r\nrequest-id: req_u\r\nset-cookie: a=b\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  await using upstream = await startRawServer(() => ({ bytes, then: 'fin' }));
  await using relay = await startTestRelay(upstream.url);
  for (const stream of [true, false]) {
    const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream });
    assert.equal(response.status, 429);
    assert.equal(await response.text(), body);
    assert.equal(response.headers.get('retry-after'), '7');
    assert.equal(response.headers.get('x-should-retry'), 'true');
    assert.equal(response.headers.get('request-id'), 'req_u');
    assert.equal(response.headers.get('set-cookie'), null);
  }
  await assert.rejects(sdk(relay.url).messages.stream(params('x')).finalMessage(), Anthropic.RateLimitError);
});

test('a stream that upstream cuts ends with an error event, never like a whole answer', async () => {
  const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 2));
  for (const [end, then, code] of [
    [cleanEnd, 'fin', 'truncated'],
    ['', 'rst', 'connection_failed'],
    ['', 'fin', 'connection_failed'],
  ] as const) {
    await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut) + end, then }));
    await using relay = await startTestRelay(upstream.url);
    const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream: true });
    const text = await response.text();
    assert.ok(text.startsWith(cut));
    const last = JSON.parse(text.slice(cut.length).split('data: ')[1] ?? '') as {
      error: { type: string; details: unknown };
    };
    assert.equal(last.error.type, 'api_error');
    assert.deepEqual(last.error.details, { code });
    await assert.rejects(sdk(relay.url).messages.stream(params('x')).finalMessage(), Anthropic.APIError);
  }
});

test('an error event of upstream comes through as it is, and once', async () => {
  const error =
    'event: error\ndata: {"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}  }\n\n';
  const body = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2)) + error;
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(body) + cleanEnd,
    then: 'fin',
  }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream: true }, recoverOff);
  assert.equal(await response.text(), body);
});

test('invalid JSON of upstream passes as it came, and frames without a name that are no events end the stream', async () => {
  const beginning = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2));
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(`${beginning}data: {"type\n\n`),
    then: 'hold',
  }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream: true }, recoverOff);
  const text = await response.text();
  assert.ok(text.startsWith(`${beginning}data: {"type\n\nevent: error\n`), text);
  assert.match(text, /"code":"invalid_json"/);
  await upstream.clientLeft();
});

test('a 200 of upstream that is no stream is a 502 that shows what it is', async () => {
  const bytes = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n<h1>Hi</h';
  await using upstream = await startRawServer(() => ({ bytes, then: 'fin' }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream: true });
  assert.equal(response.status, 502);
  assert.match(await response.text(), /text\/html.*<h1>Hi<\/h/);
});

test('an upstream that keeps silent before an answer in one piece, or in it, is a 504 at each limit', async () => {
  const begun = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{';
  const timeouts = { headersMs: 1000, idleMs: 2000, progressMs: 3000 };
  for (const [path, bytes, limits, code] of [
    ['/v1/messages', '', timeouts, /3000 ms.*headers_timeout/],
    ['/v1/messages', begun, timeouts, /2000 ms.*idle_timeout/],
    ['/v1/messages', '', { totalMs: 500 }, /500 ms.*total_timeout/],
    ['/v1/messages/count_tokens', '', timeouts, /1000 ms.*headers_timeout/],
    ['/v1/messages/count_tokens', begun, timeouts, /2000 ms.*idle_timeout/],
    ['/v1/models', '', timeouts, /1000 ms.*headers_timeout/],
  ] as const) {
    const clock = new SteppedClock();
    await using upstream = await startRawServer(() => ({ bytes, then: 'hold' }));
    await using relay = await startTestRelay(upstream.url, { clock, calls: { timeouts: limits } });
    const asked = path === '/v1/models' ? fetch(relay.url + path) : post(relay.url + path, params('x'));
    await turnsUntil(() => upstream.requests.length === 1);
    const state = { isAnswered: false };
    const answered = asked.finally(() => {
      state.isAnswered = true;
    });
    while (!state.isAnswered) await clock.pass(100);
    const response = await answered;
    assert.equal(response.status, 504);
    const { error } = (await response.json()) as { error: { type: string; message: string } };
    assert.equal(error.type, 'timeout_error');
    assert.match(error.message, code);
    await upstream.clientLeft();
  }
});

test('an upstream that is not there is a 502 in the API’s shape', async () => {
  const upstream = await startRawServer(() => ({ bytes: '', then: 'fin' }));
  await upstream[Symbol.asyncDispose]();
  await using relay = await startTestRelay(upstream.url);
  for (const stream of [true, false]) {
    const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream });
    assert.equal(response.status, 502);
    const { type, error, request_id } = (await response.json()) as {
      type: string;
      error: { type: string };
      request_id: string;
    };
    assert.deepEqual([type, error.type], ['error', 'api_error']);
    assert.match(request_id, /^req_/);
  }
});

test('a client of /v1/messages that leaves closes the upstream call, before the first byte and after it', async () => {
  const cut = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2));
  for (const bytes of ['', streamResponse(cut)]) {
    await using upstream = await startRawServer(() => ({ bytes, then: 'hold' }));
    await using relay = await startTestRelay(upstream.url);
    const leaving = new AbortController();
    const asked = fetch(`${relay.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...params('x'), stream: true }),
      signal: leaving.signal,
    });
    if (bytes === '') {
      while (upstream.requests.length === 0) await new Promise(setImmediate);
    } else {
      await (await asked).body?.getReader().read();
    }
    leaving.abort();
    asked.catch(() => undefined);
    await upstream.clientLeft();
  }
});

test('upstream’s silence is filled with real pings, between frames', async () => {
  const cut = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2));
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url, { pingMs: 1 });
  const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream: true });
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split('event: ping').length > 3) break;
  }
  assert.ok(text.replaceAll('event: ping\ndata: {"type": "ping"}\n\n', '').startsWith(cut));
});

test('bad requests to /v1 get the API’s own error shape and status', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const version = { 'anthropic-version': '2023-06-01' };
  const cases: [path: string, init: RequestInit, status: number, type: string, message: RegExp][] = [
    ['/v1/nothing', {}, 404, 'not_found_error', /Not found/i],
    ['/v1/messages', {}, 405, 'invalid_request_error', /Method Not Allowed/i],
    [
      '/v1/messages',
      { method: 'POST', body: '{"model":', headers: version },
      400,
      'invalid_request_error',
      /JSON/,
    ],
    [
      '/v1/messages',
      { method: 'POST', body: '[]', headers: version },
      400,
      'invalid_request_error',
      /object/,
    ],
    [
      '/v1/messages',
      { method: 'POST', body: '{"model":"claude-sonnet-5","stream":true}', headers: version },
      400,
      'invalid_request_error',
      /Field required/,
    ],
  ];
  for (const [path, init, status, type, message] of cases) {
    const response = await fetch(relay.url + path, init);
    const body = (await response.json()) as {
      type: string;
      error: { type: string; message: string };
      request_id: string;
    };
    assert.deepEqual([response.status, body.type, body.error.type], [status, 'error', type], path);
    assert.match(body.error.message, message);
    assert.match(body.request_id, /^req_/);
  }
  const large = await post(`${relay.url}/v1/messages`, 'x'.repeat(32 * 1024 * 1024 + 1));
  assert.equal(large.status, 413);
  assert.equal(((await large.json()) as { error: { type: string } }).error.type, 'request_too_large');
  assert.deepEqual(relay.errors, []);
});

/** The status of a request whose path goes out as it stands: fetch would resolve it first. */
function statusOf(url: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('a path below /v1 reaches upstream only as what it says', async () => {
  await using upstream = await startRawServer(() => ({
    bytes: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
    then: 'fin',
  }));
  await using relay = await startTestRelay(upstream.url);
  for (const id of [
    '.',
    '..',
    '%2e%2e',
    '%2E.',
    '.%2e',
    '..%2f..%2fadmin',
    '..\\admin',
    'a\\..\\..',
    'a%5cb',
    'a/b',
    'a%20b',
    '',
  ]) {
    assert.equal(await statusOf(relay.url, `/v1/models/${id}`), 404, id);
  }
  assert.equal(upstream.requests.length, 0);
  for (const id of ['claude-sonnet-5', 'claude@2026', 'us.anthropic.claude:0', '...']) {
    assert.equal(await statusOf(relay.url, `/v1/models/${id}?limit=1`), 200, id);
    assert.match(upstream.requests.at(-1) ?? '', new RegExp(`^GET /v1/models/${id}\\?limit=1 HTTP`));
  }
});

test('Upstream.call() goes nowhere but below upstream’s own /v1/', async () => {
  const urls: string[] = [];
  const transport: Transport = async ({ url }) => {
    urls.push(url);
    throw new Error('called');
  };
  const upstream = new Upstream({ baseURL: 'http://127.0.0.1:9/base', transport }, { forwardsKeys: true });
  const call = async (target: string) =>
    upstream.call({ method: 'GET', target, headers: {}, signal: new AbortController().signal });
  for (const target of [
    '/v1/../admin',
    '/v1/%2e%2e/admin',
    '/v1/..\\..\\x',
    '/admin',
    '@evil.example/v1/x',
    '',
  ]) {
    await assert.rejects(call(target), RangeError, target);
  }
  await assert.rejects(call('/v1/models?a=../..'), /called/);
  assert.deepEqual(urls, ['http://127.0.0.1:9/base/v1/models?a=../..']);
});

test('a body that is not UTF-8, or compressed, is refused', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9');
  const invalid = Buffer.from('{"stream": true, "x": "\u00ff"}', 'latin1');
  for (const path of ['/v1/messages', '/v1/messages/count_tokens', '/streams']) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(relay.url + path, { method: 'POST', headers, body: invalid });
    assert.equal(response.status, 400, path);
    assert.match(await response.text(), /not valid UTF-8/);
    const gzip = { ...headers, 'content-encoding': 'gzip' };
    const compressed = await fetch(relay.url + path, { method: 'POST', headers: gzip, body: '{}' });
    assert.equal(compressed.status, 415, path);
    assert.match(await compressed.text(), /content-encoding/);
  }
});

test('a response of upstream that is no stream comes through byte for byte', async () => {
  const body = Buffer.from([0x22, 0xff, 0xfe, 0x00, 0xef, 0xbb, 0xbf, 0x22]);
  for (const status of ['200 OK', '400 Bad Request']) {
    const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    await using upstream = await startRawServer(() => ({
      bytes: Buffer.concat([Buffer.from(head), body]),
      then: 'fin',
    }));
    await using relay = await startTestRelay(upstream.url);
    for (const stream of status === '200 OK' ? [false] : [false, true]) {
      const response = await post(`${relay.url}/v1/messages`, { ...params('x'), stream });
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), body);
    }
  }
});

test('errorResponse() advises to retry where that is certain, and lets the client decide where it is not', () => {
  const advice = (status: number) => errorResponse(status, 'api_error', '').headers['x-should-retry'];
  for (const status of [400, 401, 403, 404, 405, 413, 415, 499]) assert.equal(advice(status), 'false');
  for (const status of [408, 409, 429, 500, 504]) assert.equal(advice(status), undefined);
  for (const status of [502, 503, 529]) assert.equal(advice(status), 'true');
});
