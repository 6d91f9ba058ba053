import assert from 'node:assert/strict';
import { test } from 'node:test';
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
  await assert.rejects(
    new Millrace({ transport, apiKey: null, ...once }).messages.create(params),
    ConfigurationError,
  );
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
