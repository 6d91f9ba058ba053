// reliability, section 4, the rows “CORS”, “CSRF”, “DNS rebinding” and “Stored content” (its headers).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSimulator } from 'millrace/simulator';
import { bodyFor, sampleRoutes } from './sample-routes.ts';
import { startTestRelay } from '../../support/relay.ts';
import { ann, as, ask, json, post, question, signIn, startKeyedRelay } from './keyed-relay.ts';

const app = 'https://app.example.com';
const routes = [
  ...sampleRoutes.map(({ method, path }) => [method, path] as const),
  ['GET', '/'] as const,
  ['GET', '/none'] as const,
];

test('CORS: without a list there is none, and every origin but the relay’s own is refused without a word for it', async () => {
  await using relay = await startKeyedRelay('http://127.0.0.1:9');
  for (const origin of [app, 'null', relay.url.replace('http', 'ws'), `${relay.url}0`]) {
    const { status, headers } = await ask(`${relay.url}/healthz`, { headers: { origin } });
    assert.deepEqual(
      [status, headers['access-control-allow-origin'], headers.vary],
      [403, undefined, undefined],
    );
  }
  assert.equal((await ask(`${relay.url}/healthz`, { headers: { origin: relay.url } })).status, 200);
});

test('CORS: a listed origin may ask and read, to the letter; one that is only like it may not', async () => {
  await using relay = await startKeyedRelay('http://127.0.0.1:9', { origins: [app] });
  const headersFor = async (origin: string, method = 'GET') => {
    const { status, headers } = await ask(`${relay.url}/healthz`, {
      method,
      headers: {
        origin,
        'sec-fetch-site': 'cross-site',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-api-key, content-type',
      },
    });
    return {
      status,
      origin: headers['access-control-allow-origin'],
      credentials: headers['access-control-allow-credentials'],
      vary: headers.vary,
      methods: headers['access-control-allow-methods'],
      names: headers['access-control-allow-headers'],
    };
  };
  const open = { origin: app, credentials: 'true', vary: 'Origin' };
  assert.deepEqual(await headersFor(app), { status: 200, ...open, methods: undefined, names: undefined });
  assert.deepEqual(await headersFor(app, 'OPTIONS'), {
    status: 204,
    ...open,
    methods: 'GET, POST, PATCH, DELETE',
    names: 'x-api-key, content-type',
  });
  for (const like of [
    'https://evil.example.com',
    'null',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'https://xapp.example.com',
    'https://sub.app.example.com',
    'https://APP.example.com',
    'https://app.example.com/',
    '*',
  ]) {
    for (const method of ['GET', 'OPTIONS']) {
      const { status, origin, credentials, vary, methods } = await headersFor(like, method);
      assert.deepEqual(
        [status, origin, credentials, vary, methods],
        [403, undefined, undefined, 'Origin', undefined],
        like,
      );
    }
  }
});

test('CORS: a page of a listed origin gets errors it can read, with the id of its stream', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url, { origins: [app] });
  const headers = { ...json, origin: app };
  const refused = await post(`${relay.url}/streams`, question('x'), headers);
  assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, app]);
  const started = await post(`${relay.url}/streams`, question('x'), { ...as(ann), origin: app });
  assert.equal(started.status, 202);
  assert.match(started.headers.get('access-control-expose-headers') ?? '', /x-stream-id/);
});

test('CORS: * is for keys alone: no cookie goes with it', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url, { origins: ['*'], session: false });
  const response = await post(`${relay.url}/streams`, question('x'), { ...as(ann), origin: app });
  assert.deepEqual(
    [
      response.status,
      response.headers.get('access-control-allow-origin'),
      response.headers.get('access-control-allow-credentials'),
    ],
    [202, '*', null],
  );
});

test('CSRF: what a form of another site can send is a 415 or a 403 on every browser route that does something', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url);
  const cookie = await signIn(relay, ann);
  const { id } = (await (await post(`${relay.url}/streams`, question('x'), as(ann))).json()) as {
    id: string;
  };
  const unsafe = sampleRoutes.filter(({ method, path }) => method !== 'GET' && !path.startsWith('/v1/'));
  assert.ok(unsafe.length > 9, `${unsafe.length} routes`);
  for (const { method, path: sample, body = {} } of unsafe) {
    const path = sample.replace('/streams/none', `/streams/${id}`);
    const sent = method === 'DELETE' ? '' : JSON.stringify(body);
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonx',
      'text/plain; application/json',
    ]) {
      const headers = { cookie, origin: relay.url, 'content-type': type };
      const { status } = await ask(relay.url + path, { method, headers, body: sent });
      assert.equal(status, 415, `${method} ${path} ${type}`);
    }
    for (const from of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      const headers = { cookie, ...json, ...from };
      const { status } = await ask(relay.url + path, { method, headers, body: sent });
      assert.equal(status, 403, `${method} ${path} ${JSON.stringify(from)}`);
    }
  }
});

test('CSRF: a session without an Origin may look, and do nothing', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url);
  const cookie = await signIn(relay, ann);
  const status = async (method: string, path: string, { body = '', ...headers }: Record<string, string>) =>
    (await ask(relay.url + path, { method, headers: { cookie, ...headers }, body })).status;
  const body = JSON.stringify(question('x'));
  assert.equal(await status('GET', '/relay.json', {}), 200);
  const guarded = sampleRoutes.filter(
    ({ method, path, isOpen }) => method !== 'GET' && !isOpen && !path.startsWith('/v1/'),
  );
  for (const route of guarded) {
    const sent = route.body === undefined ? '' : JSON.stringify(route.body);
    const { method, path } = route;
    assert.equal(await status(method, path, { ...json, body: sent }), 403, `${method} ${path}`);
  }
  assert.equal(await status('POST', '/streams', { ...json, origin: relay.url, body }), 202);
  assert.equal(await status('POST', '/streams', { ...json, ...as(ann), body }), 202, 'a program has a key');
});

test('DNS rebinding: a Host that is not the relay’s is a 403 on every route, with keys and without', async () => {
  await using keyed = await startKeyedRelay('http://127.0.0.1:9', {
    hosts: ['relay.example.com', 'other.example.com:8443'],
  });
  await using open = await startTestRelay('http://127.0.0.1:9');
  for (const { url } of [keyed, open]) {
    for (const [method, path] of routes) {
      const headers = { ...as(ann), host: 'evil.example.com', accept: 'text/event-stream' };
      const { status } = await ask(url + path, {
        method,
        headers,
        body: JSON.stringify(bodyFor(method, path)),
      });
      assert.equal(status, 403, `${method} ${path}`);
    }
  }
  const status = async (host: string) => (await ask(`${keyed.url}/healthz`, { headers: { host } })).status;
  for (const host of [
    'localhost',
    '127.0.0.1:1',
    '[::1]:80',
    'relay.example.com',
    'RELAY.example.com:8443',
    'other.example.com:8443',
  ])
    assert.equal(await status(host), 200, host);
  for (const host of [
    'other.example.com',
    'other.example.com:80',
    'relay.example.com.evil.example',
    'xrelay.example.com',
    'relay.example.com.',
    'relay.example.com:80:80',
  ])
    assert.equal(await status(host), 403, host);
});

test('DNS rebinding: with keys a proxy may stand in front; what it says of the client is believed nowhere', async () => {
  await using relay = await startKeyedRelay('http://127.0.0.1:9', { hosts: ['relay.example.com'] });
  const proxied = {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'relay.example.com',
    forwarded: 'host=relay.example.com',
    'x-original-host': 'localhost',
  };
  const status = async (headers: object) =>
    (await ask(`${relay.url}/relay.json`, { headers: { ...proxied, ...headers } })).status;
  assert.equal(await status({ ...as(ann), host: 'relay.example.com' }), 200);
  assert.equal(await status({ host: 'relay.example.com' }), 401);
  assert.equal(await status({ ...as(ann), host: 'evil.example.com' }), 403);
});

test('Stored content: every route says that nothing is kept, sniffed, framed or shared', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  const page = new Map([['/index.html', { contentType: 'text/html', body: new Uint8Array() }]]);
  await using relay = await startKeyedRelay(upstream.url, {}, { assets: page });
  const started = await post(`${relay.url}/streams`, question('echo hi'), as(ann));
  const { id } = (await started.json()) as { id: string };
  const own = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  const all = [
    ...routes,
    ['GET', `/streams/${id}`],
    ['POST', '/streams'],
    ['DELETE', `/streams/${id}`],
  ] as const;
  for (const accept of ['application/json', 'text/event-stream']) {
    for (const [method, path] of all) {
      const sent = bodyFor(method, path);
      const isStream = accept.startsWith('text') && path === '/v1/messages';
      const { headers } = await ask(relay.url + path, {
        method,
        headers: { ...as(ann), accept, origin: relay.url, 'anthropic-version': '2023-06-01' },
        body: sent === undefined ? '' : JSON.stringify(isStream ? { ...sent, stream: true } : sent),
      });
      const isPage = path === '/';
      const name = `${method} ${path} ${accept}`;
      assert.equal(headers['x-content-type-options'], 'nosniff', name);
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', name);
      assert.equal(headers['referrer-policy'], 'no-referrer', name);
      assert.match(
        headers['cache-control'] ?? '',
        isPage ? /^no-cache$/ : /^no-store(?:, no-transform)?$/,
        name,
      );
      if (isPage)
        assert.match(
          String(headers['content-security-policy']),
          /script-src 'self'; .*trusted-types dompurify$/,
        );
      else assert.equal(headers['content-security-policy'], own, name);
      assert.equal(headers['x-powered-by'] ?? headers.server, undefined, name);
    }
  }
});
