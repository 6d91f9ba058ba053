import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ApiError, ConfigurationError, Millrace, ResponseError } from 'millrace/client';
import type { ClientOptions, TransportRequest } from 'millrace/client';
import { startSimulator } from 'millrace/simulator';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'echo hello' }],
};

/** One attempt: what becomes of others is in attempts.test.ts. */
const once = { retry: { maxRetries: 0 } };

/** A client whose requests are kept and answered with `body`. */
function recording(
  options: ClientOptions = {},
  body: unknown = { id: 'msg_1', type: 'message' },
  init?: ResponseInit,
) {
  const requests: { url: string; headers: Record<string, string>; body: unknown }[] = [];
  const client = new Millrace({
    apiKey: 'key-1',
    ...once,
    fetch: async (url, { headers, body: sent }) => {
      requests.push({
        url,
        headers: headers as Record<string, string>,
        body: JSON.parse(sent as string) as unknown,
      });
      return typeof body === 'string' ? new Response(body, init) : Response.json(body, init);
    },
    ...options,
  });
  return { client, requests };
}

test('Millrace creates a message without streaming', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const message = await client.messages.create(params);
  assert.equal(message.role, 'assistant');
  assert.deepEqual(message.content, [{ type: 'text', text: 'hello' }]);
  const { input_tokens } = await client.messages.countTokens({
    model: params.model,
    messages: params.messages,
  });
  assert.ok(input_tokens > 0);
});

test('Millrace warns once of a key that goes to another machine by plain http, and of no other', () => {
  const warnedOf = (options: ClientOptions): unknown[] => {
    const warned: unknown[] = [];
    const logger = { warn: (message: string, details: object) => warned.push([message, details]) };
    assert.ok(new Millrace({ apiKey: 'key-1', logger, ...options }));
    return warned;
  };
  for (const baseURL of ['http://gateway.example:8080', 'http://10.0.0.1', 'http://localhost.example/v1']) {
    const message = 'The key goes to another machine unencrypted, by http';
    assert.deepEqual(warnedOf({ baseURL }), [[message, { baseURL }]]);
    assert.deepEqual(warnedOf({ baseURL, apiKey: null, authToken: null }), []);
  }
  for (const host of ['localhost', 'mill.localhost:1', '127.0.0.1:8787', '127.1.2.3', '[::1]:8787'])
    assert.deepEqual(warnedOf({ baseURL: `http://${host}` }), [], host);
  assert.deepEqual(warnedOf({ baseURL: 'https://gateway.example' }), []);
});

test('Millrace sends key, version, betas and own headers, and fields it has no name for', async () => {
  const { client, requests } = recording({
    headers: { 'X-Team': 'mill' },
    baseURL: 'https://gateway.example/',
  });
  await client.messages.create(
    { ...params, betas: ['b-1', 'b-2'], new_field: 1 },
    { headers: { 'x-trace': 't' } },
  );
  const [request] = requests;
  assert.equal(request?.url, 'https://gateway.example/v1/messages');
  assert.deepEqual(request?.headers, {
    accept: 'application/json',
    'content-type': 'application/json',
    'anthropic-version': '2026-10-21',
    'anthropic-beta': 'b-1,b-2',
    authorization: 'Bearer key-1',
    'x-team': 'mill',
    'x-trace': 't',
  });
  assert.deepEqual(request?.body, { ...params, new_field: 1 });
});

test('Millrace takes key, token and address from the environment', async (t) => {
  const saved = { ...process.env };
  t.after(() => {
    process.env = saved;
  });
  delete process.env['ANTHROPIC_AUTH_TOKEN'];
  process.env['ANTHROPIC_API_KEY'] = 'from-env';
  process.env['ANTHROPIC_BASE_URL'] = 'http://env.example';
  const transport = async ({ url, headers }: TransportRequest): Promise<never> => {
    throw new Error(`${url} ${headers['authorization']}`);
  };
  await assert.rejects(
    new Millrace({ transport, ...once }).messages.create(params),
    /http:\/\/env.example\/v1\/messages Bearer from-env/,
  );
  delete process.env['ANTHROPIC_API_KEY'];
  process.env['ANTHROPIC_AUTH_TOKEN'] = 'token';
  await assert.rejects(new Millrace({ transport, ...once }).messages.create(params), /Bearer token/);
  // As with the official SDK, null leaves the one variable unread and not the other.
  const withoutKey = new Millrace({ transport, apiKey: null, ...once });
  await assert.rejects(withoutKey.messages.create(params), /Bearer token/);
  const withNeither = new Millrace({ transport, apiKey: null, authToken: null, ...once });
  await assert.rejects(withNeither.messages.create(params), ConfigurationError);
});

test('Millrace takes a variable without the white space around it, and an empty one as none', async (t) => {
  const saved = { ...process.env };
  t.after(() => {
    process.env = saved;
  });
  process.env['ANTHROPIC_API_KEY'] = ' from-file\n';
  process.env['ANTHROPIC_BASE_URL'] = ' http://env.example/ ';
  const { client, requests } = recording({ apiKey: undefined });
  await client.messages.create(params);
  assert.equal(requests[0]?.url, 'http://env.example/v1/messages');
  assert.equal(requests[0]?.headers['authorization'], 'Bearer from-file');
  process.env['ANTHROPIC_BASE_URL'] = '';
  assert.equal(new Millrace().baseURL, 'https://api.anthropic.com');
  assert.equal(new Millrace({ baseURL: '' }).baseURL, 'https://api.anthropic.com');
  await assert.rejects(new Millrace({ apiKey: '' }).messages.create(params), { code: 'missing_api_key' });
});

test('Millrace sends the headers of ANTHROPIC_CUSTOM_HEADERS, under those of its options', async (t) => {
  const saved = { ...process.env };
  t.after(() => {
    process.env = saved;
  });
  process.env['ANTHROPIC_CUSTOM_HEADERS'] = 'X-Team: mill\nx-route : a:b \nnonsense\n';
  const { client, requests } = recording({ headers: { 'x-team': 'own' } });
  await client.messages.create(params);
  const { 'x-team': team, 'x-route': route } = requests[0]?.headers ?? {};
  assert.deepEqual([team, route], ['own', 'a:b']);
});

test('Millrace tells the console of retries when ANTHROPIC_LOG asks for it', async (t) => {
  const saved = { ...process.env };
  t.after(() => {
    process.env = saved;
  });
  const warn = t.mock.method(console, 'warn', () => undefined);
  for (const [level, told] of [
    ['debug', 1],
    ['warn', 1],
    ['off', 0],
    ['', 0],
  ] as const) {
    process.env['ANTHROPIC_LOG'] = level;
    warn.mock.resetCalls();
    const { client } = recording({ retry: { maxRetries: 1 }, random: () => 0 }, {}, { status: 500 });
    await assert.rejects(client.messages.create(params), ApiError);
    assert.equal(warn.mock.callCount(), told, level);
  }
});

test('Millrace leaves out a header that is null, for all requests or for one', async () => {
  const { client, requests } = recording({ defaultHeaders: { 'X-Team': 'mill' }, headers: { Accept: null } });
  await client.messages.create(params, { headers: { 'x-team': null } });
  assert.ok(!Object.hasOwn(requests[0]?.headers ?? {}, 'accept'));
  assert.ok(!Object.hasOwn(requests[0]?.headers ?? {}, 'x-team'));
  await client.messages.create(params);
  assert.equal(requests[1]?.headers['x-team'], 'mill');
});

test('Millrace takes maxRetries and timeout, the official names, for what they are here', async () => {
  const { client, requests } = recording(
    { retry: undefined, maxRetries: 0, timeout: 5000 },
    {},
    { status: 500 },
  );
  await assert.rejects(client.messages.create(params), { status: 500 });
  assert.equal(requests.length, 1);
  assert.throws(() => client.messages.stream(params, { timeout: 0 }), /timeouts\.headersMs: 0/);
  const slow = new Millrace({
    apiKey: 'k',
    timeout: 1,
    maxRetries: 0,
    fetch: () => Promise.withResolvers<Response>().promise,
  });
  await assert.rejects(slow.messages.stream(params).done(), { code: 'headers_timeout' });
});

test('Millrace refuses two credentials, and an address that is none', () => {
  assert.throws(() => new Millrace({ apiKey: 'k', authToken: 't' }), { code: 'two_credentials' });
  for (const baseURL of ['localhost', '/relay', 'http://'])
    assert.throws(() => new Millrace({ apiKey: 'k', baseURL }), { code: 'invalid_base_url' }, baseURL);
});

test('Millrace names an error whose body has no type by its status', async () => {
  const named: [status: number, type: string, body: string][] = [
    [401, 'authentication_error', '{"message":"no"}'],
    [404, 'not_found_error', '<html>'],
    [408, 'timeout_error', ''],
    [418, 'invalid_request_error', '{"error":{"message":"tea"},"request_id":"req_body"}'],
    [429, 'rate_limit_error', 'slow down'],
    [503, 'api_error', ''],
    [529, 'overloaded_error', '{"error":{}}'],
  ];
  for (const [status, type, body] of named) {
    const { client } = recording({}, body, { status });
    await assert.rejects(client.messages.create(params), { name: 'ApiError', status, type });
  }
  const { client } = recording({}, named[3]?.[2], { status: 418 });
  await assert.rejects(client.messages.create(params), { requestId: 'req_body', message: 'tea' });
});

test('Millrace says which variable to set when there is no key, and sends nothing', async () => {
  const { client, requests } = recording({ apiKey: null });
  await assert.rejects(client.messages.create(params), {
    code: 'missing_api_key',
    message: /ANTHROPIC_API_KEY/,
  });
  await assert.rejects(client.messages.stream(params).done(), { code: 'missing_api_key' });
  assert.equal(requests.length, 0);
  const withOwn = recording({ apiKey: null });
  await withOwn.client.messages.create(params, { headers: { 'X-API-Key': 'own' } });
  assert.equal(withOwn.requests[0]?.headers['x-api-key'], 'own');
});

test('Millrace does not tell the key, nor try again, when it is one that no header can hold', async () => {
  const wrong = [
    { apiKey: 'secret\nkey' },
    { apiKey: undefined, authToken: 'secret\u2028key' },
    { apiKey: 'secret\x7fkey' },
    { apiKey: 'ok', headers: { 'x-own': 'secret \u{1f600}' } },
  ];
  for (const options of wrong) {
    const { client, requests } = recording({ ...options, retry: { maxRetries: 2 } });
    const error: unknown = await client.messages.create(params).catch((reason: unknown) => reason);
    assert.ok(error instanceof ConfigurationError);
    assert.equal(error.code, 'invalid_header');
    assert.doesNotMatch(inspect(error), /secret/);
    assert.equal(requests.length, 0);
  }
  const { client, requests } = recording({ apiKey: 'ok', headers: { 'x-own': 'a\tb ~ \xe9\xff' } });
  await client.messages.create(params);
  assert.equal(requests[0]?.headers['x-own'], 'a\tb ~ \xe9\xff');
});

test('Millrace refuses a key in a page unless asked', (t) => {
  const scope = globalThis as { window?: unknown; document?: unknown };
  scope.window = {};
  scope.document = {};
  t.after(() => {
    delete scope.window;
    delete scope.document;
  });
  assert.throws(() => new Millrace({ apiKey: 'k' }), { code: 'api_key_in_browser' });
  assert.doesNotThrow(() => new Millrace({ apiKey: 'k', dangerouslyAllowBrowser: true }));
});

test('Millrace turns an error response into an ApiError with status, type, request id and waiting time', async () => {
  const body = {
    type: 'error',
    error: { type: 'rate_limit_error', message: 'slow down' },
    request_id: 'req_b',
  };
  const waits: [headers: Record<string, string>, retryAfterMs: number | undefined][] = [
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ];
  for (const [headers, retryAfterMs] of waits) {
    const { client } = recording({}, body, { status: 429, headers: { 'request-id': 'req_h', ...headers } });
    await assert.rejects(client.messages.create({ ...params, stream: true }), (error) => {
      assert.ok(error instanceof ApiError);
      const { status, type, code, message, requestId } = error;
      assert.deepEqual(
        [status, type, code, message, requestId],
        [429, 'rate_limit_error', 'rate_limit_error', 'slow down', 'req_h'],
      );
      assert.equal(error.retryAfterMs, retryAfterMs);
      return true;
    });
  }
});

test('a retry-after that is a date is reckoned from the client’s clock', async () => {
  const clock = { now: () => Date.parse('2026-11-01T12:00:00Z'), setTimer: () => () => undefined };
  const headers = { 'retry-after': 'Sun, 01 Nov 2026 12:01:30 GMT' };
  const { client } = recording({ clock }, { error: { type: 'rate_limit_error' } }, { status: 429, headers });
  await assert.rejects(client.messages.create(params), { retryAfterMs: 90_000 });
});

test('an answer that the API refuses has the request id in its error, ending and attempt', async () => {
  const { client } = recording({}, {}, { status: 400, headers: { 'request-id': 'req_h' } });
  const stream = client.messages.stream(params);
  await assert.rejects(stream.done(), { requestId: 'req_h' });
  assert.equal(stream.ending?.request_id, 'req_h');
  assert.equal(stream.request_id, 'req_h');
  assert.equal(stream.attempts[0]?.request_id, 'req_h');
});

test('Millrace reads error bodies of every shape', async () => {
  const cases: [body: unknown, type: string, message: RegExp][] = [
    [
      { error: { type: 'request_too_large', message: 'Request exceeds the maximum size' } },
      'request_too_large',
      /exceeds/,
    ],
    ['<html>Bad gateway</html>', 'api_error', /^HTTP 502: <html>Bad gateway/],
    ['', 'api_error', /^HTTP 502$/],
    [{ message: 'from a gateway' }, 'api_error', /from a gateway/],
    ['null', 'api_error', /null/],
  ];
  for (const [body, type, message] of cases) {
    const { client } = recording({}, body, { status: 502 });
    await assert.rejects(client.messages.create(params), { name: 'ApiError', status: 502, type, message });
  }
});

test('Millrace rejects a reply that is no message', async () => {
  for (const body of ['<html>', '7', '[]', '{}', '{"type":"error"}']) {
    const { client } = recording({}, body, { headers: { 'content-type': 'text/html' } });
    await assert.rejects(client.messages.create(params), (error) => {
      assert.ok(error instanceof ResponseError);
      assert.deepEqual([error.code, error.excerpt, error.contentType], ['not_a_message', body, 'text/html']);
      return true;
    });
  }
});
