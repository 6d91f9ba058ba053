// reliability, section 4, the rows “API key in browser”, “Auth” and “Authorisation / id guessing”.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRelayServer } from 'millrace/relay/node';
import { createNodeTransport } from 'millrace/client/node';
import { AccessOptionError, createRelay } from 'millrace/relay';
import { sampleRoutes } from './sample-routes.ts';
import { startSimulator } from 'millrace/simulator';
import { MemoryStreamLog } from 'millrace/storage';
import { cleanEnd, startRawServer, streamResponse } from '../../support/raw-server.ts';
import { startTestRelay } from '../../support/relay.ts';
import { messageEnd, messageStart, sse, textEvents } from '../../support/streams.ts';
import {
  ann,
  as,
  ask,
  bob,
  boss,
  cookieOf,
  json,
  post,
  question,
  signIn,
  startKeyedRelay,
  upstreamKey,
} from './keyed-relay.ts';

const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 3));
const whole = sse(messageStart, ...textEvents(0, 'Hello'), ...messageEnd);
const message = { model: 'claude-sonnet-5', max_tokens: 100, ...question('echo hi') };

/** Every route that needs to know who asks. */
const guarded = sampleRoutes.filter(({ isOpen }) => !isOpen);

const init = (method: string, body: object | undefined, headers: object) => ({
  method,
  headers: { ...headers, ...(body === undefined ? {} : json) } as Record<string, string>,
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

test('Auth: every route but the page and its health needs a key, and says so in the API’s shape', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url);
  assert.ok(guarded.length > 15, `${guarded.length} routes`);
  for (const { method, path, body } of guarded) {
    const response = await fetch(relay.url + path, init(method, body, {}));
    assert.equal(response.status, 401, `${method} ${path}`);
    const text = await response.text();
    // `useChat` shows the whole body as the error's message.
    if (!path.startsWith('/api/chat'))
      assert.match(text, /^\{"type":"error","error":\{"type":"authentication_error"/);
    assert.deepEqual(
      [response.headers.get('www-authenticate'), response.headers.get('x-should-retry')],
      ['Bearer', 'false'],
    );
  }
  const open = sampleRoutes.filter(({ isOpen }) => isOpen).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(open, ['POST /session', 'DELETE /session', 'GET /healthz', 'GET /readyz']);
  for (const path of ['/healthz', '/readyz']) assert.equal((await fetch(relay.url + path)).status, 200);
});

test('Auth: a key is good as x-api-key and as Bearer; twenty others are a 401, and so is any key in an address', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url);
  const status = async (headers: object, query = '') =>
    (await ask(`${relay.url}/relay.json${query}`, { headers })).status;
  const { secret } = ann;
  for (const good of [
    { 'x-api-key': secret },
    { authorization: `Bearer ${secret}` },
    { authorization: `bearer ${secret}` },
    { 'x-api-key': 'of another program', authorization: `Bearer ${secret}` },
    { 'x-api-key': secret, authorization: `Bearer ${secret}` },
  ]) {
    assert.equal(await status(good), 200, JSON.stringify(good));
  }
  const unsigned = `${btoa('{"alg":"none"}')}.${btoa('{"sub":"ann","exp":9999999999}')}.`.replaceAll('=', '');
  for (const bad of [
    { 'x-api-key': '' },
    { 'x-api-key': 'ann' },
    { 'x-api-key': secret.slice(0, -1) },
    { 'x-api-key': `${secret}x` },
    { 'x-api-key': secret.toUpperCase() },
    { 'x-api-key': `Bearer ${secret}` },
    { 'x-api-key': `${secret}, ${secret}` },
    { 'x-api-key': upstreamKey },
    { 'x-api-key': 'x'.repeat(10_000) },
    { 'x-api-key': secret, authorization: `Bearer ${bob.secret}` },
    { authorization: secret },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: `Bearer ${secret} x` },
    { authorization: `Basic ${btoa(`ann:${secret}`)}` },
    { authorization: `Token ${secret}` },
    { authorization: `Bearer ${unsigned}` },
    { authorization: `Bearer ${upstreamKey}` },
    { cookie: `millrace_session=${secret}` },
    { cookie: `x-api-key=${secret}` },
  ]) {
    assert.equal(await status(bad), 401, JSON.stringify(bad));
  }
  for (const query of ['token', 'key', 'api_key', 'x-api-key', 'access_token', 'authorization']) {
    assert.equal(await status({}, `?${query}=${secret}`), 401, query);
  }
});

test('API key in browser: upstream gets the relay’s key, however a client says its own, and a page’s headers stay behind', async () => {
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(whole) + cleanEnd,
    then: 'fin',
  }));
  await using relay = await startKeyedRelay(upstream.url);
  const cookie = await signIn(relay, ann);
  const odd = {
    'x-forwarded-for': '10.0.0.1',
    'x-secret': 'canary-header',
    'anthropic-beta': 'canary-beta',
    'anthropic-version': '1999-01-01',
  };
  for (const [path, body, headers] of [
    ['/v1/messages', { ...message, stream: true }, as(ann)],
    ['/v1/messages', { ...message, stream: true }, { ...json, authorization: `Bearer ${ann.secret}` }],
    ['/streams', question('x'), { ...as(ann), ...odd }],
    ['/streams', question('x'), { ...json, ...odd, cookie, origin: relay.url }],
    ['/chat/stream', { message: 'x' }, { ...json, ...odd, cookie, origin: relay.url }],
  ] as const) {
    const before = upstream.requests.length;
    await ask(relay.url + path, {
      method: 'POST',
      headers: { ...headers, accept: 'text/event-stream' },
      body: JSON.stringify(body),
    });
    const head = upstream.requests[before] ?? '';
    assert.ok(head.includes(upstreamKey), path);
    assert.ok(
      !head.includes(ann.secret) &&
        !head.includes('canary') &&
        !head.includes('1999') &&
        !head.includes('session'),
      head,
    );
  }
});

test('API key in browser: with keys nothing a client sends as a key goes up, also when the relay’s own has gone', async () => {
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(whole) + cleanEnd,
    then: 'fin',
  }));
  let apiKey: string | undefined = upstreamKey;
  const relay = createRelay({
    settings: { simulated: false, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 512 },
    access: { keys: [ann] },
    log: new MemoryStreamLog(),
    upstream: {
      baseURL: upstream.url,
      transport: createNodeTransport(),
      get apiKey() {
        return apiKey;
      },
    },
  });
  await using server = await startRelayServer(relay, { port: 0 });
  apiKey = undefined;
  assert.throws(() => relay.reload({ keys: [ann] }), { field: 'upstream.apiKey' });
  for (const headers of [as(ann), { ...json, authorization: `Bearer ${ann.secret}` }]) {
    await (await post(`${server.url}/v1/messages`, { ...message, stream: true }, headers)).text();
    const sent = upstream.requests.at(-1) ?? '';
    assert.ok(sent.startsWith('POST /v1/messages') && !sent.includes(ann.secret), sent);
  }
});

test('Authorisation: somebody else’s stream is a 404 on every verb, as one that never was; an operator has it', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startKeyedRelay(upstream.url);
  const { id } = (await (await post(`${relay.url}/streams`, question('x'), as(ann))).json()) as {
    id: string;
  };
  assert.match(id, /^[\w-]{22}$/, '132 random bits');
  const verbs = [
    ['GET', '', {}],
    ['GET', '', { accept: 'text/event-stream' }],
    ['GET', '?format=text', { accept: 'text/event-stream', 'last-event-id': '1-1' }],
    ['HEAD', '', {}],
    ['POST', '/stop', {}],
    ['DELETE', '', {}],
  ] as const;
  for (const [method, rest, headers] of verbs) {
    const answers = [];
    for (const each of [id, `${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`]) {
      const response = await fetch(`${relay.url}/streams/${each}${rest}`, {
        method,
        headers: { ...headers, 'x-api-key': bob.secret },
      });
      const text = (await response.text()).replaceAll(each, 'ID').replace(/req_[\w-]+/, 'req');
      const kept = [...response.headers].filter(([name]) => !['date', 'request-id'].includes(name));
      answers.push([response.status, text, kept]);
    }
    assert.equal(answers[0]?.[0], 404, method);
    assert.deepEqual(answers[0], answers[1], `${method} tells nothing`);
  }
  const state = async (key: object) =>
    (await fetch(`${relay.url}/streams/${id}`, { headers: key as Record<string, string> })).status;
  assert.deepEqual([await state(as(ann)), await state(as(boss))], [200, 200], 'it was not harmed');
  assert.equal(
    (
      await fetch(`${relay.url}/streams/${id}/stop`, {
        method: 'POST',
        headers: { 'x-api-key': boss.secret },
      })
    ).status,
    200,
  );
});

test('Authorisation: somebody else’s conversation and chat are not there, by whatever name', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url);
  const begin = async (key: object) =>
    (
      await post(
        `${relay.url}/streams`,
        question('echo hi', { conversation: 'plans' }),
        key as Record<string, string>,
      )
    ).status;
  assert.equal(await begin(as(ann)), 202);
  for (const [method, path, status] of [
    ['GET', '/conversations/plans', 404],
    ['PATCH', '/conversations/plans', 404],
    ['DELETE', '/conversations/plans', 404],
    ['GET', '/api/chat/plans/stream', 204],
    ['POST', '/api/chat/plans/stop', 404],
  ] as const) {
    const body = method === 'PATCH' ? { title: 'mine' } : undefined;
    const response = await fetch(relay.url + path, init(method, body, { 'x-api-key': bob.secret }));
    assert.equal(response.status, status, `${method} ${path}`);
  }
  const list = async (key: { secret: string }) =>
    (
      (await (await fetch(`${relay.url}/conversations`, { headers: as(key) })).json()) as {
        conversations: object[];
      }
    ).conversations.length;
  assert.deepEqual([await list(ann), await list(bob), await begin(as(bob)), await list(bob)], [1, 0, 202, 1]);
});

test('Authorisation: an Idempotency-Key is its owner’s, so that nobody is attached to another’s stream', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startKeyedRelay(upstream.url);
  const start = async (key: object): Promise<string> => {
    const headers = { ...key, 'idempotency-key': 'the same' };
    const response = await post(`${relay.url}/streams`, question('x'), headers);
    return ((await response.json()) as { id: string }).id;
  };
  const first = await start(as(ann));
  assert.equal(await start(as(ann)), first);
  assert.notEqual(await start(as(bob)), first);
});

test('Auth: a session is a cookie no script can read, of this site alone, with __Host- and Secure over https', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url, { hosts: ['relay.example.com'] });
  const plain = await post(`${relay.url}/session`, { key: ann.secret }, { ...json, origin: relay.url });
  assert.deepEqual([plain.status, await plain.json()], [200, { id: 'ann', maxAgeMs: 43_200_000 }]);
  assert.match(
    plain.headers.get('set-cookie') ?? '',
    /^millrace_session=[\w.-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
  );
  const secure = await ask(`${relay.url}/session`, {
    method: 'POST',
    headers: { ...json, host: 'relay.example.com', origin: 'https://relay.example.com' },
    body: JSON.stringify({ key: ann.secret }),
  });
  const [setCookie = ''] = secure.headers['set-cookie'] ?? [];
  assert.match(
    setCookie,
    /^__Host-millrace_session=[\w.-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
  );
  for (const cookie of [cookieOf(plain), setCookie.split(';')[0]]) {
    const { status } = await ask(`${relay.url}/relay.json`, { headers: { cookie: `a=b; ${cookie}; c` } });
    assert.equal(status, 200);
  }
  for (const [body, status] of [
    [{ key: 'wrong' }, 401],
    [{ key: 5 }, 400],
    [{}, 400],
    [{ key: ann.secret, more: 1 }, 400],
  ] as const) {
    const refused = await post(`${relay.url}/session`, body, { ...json, origin: relay.url });
    assert.deepEqual([refused.status, refused.headers.get('set-cookie')], [status, null]);
  }
});

test('Auth: a session ends with its time, its key, its sign-out and any change to it, and outlives the relay’s process', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  let time = Date.UTC(2026, 0, 1);
  const options = { now: () => time };
  const access = { session: { maxAgeMs: 60_000 } };
  await using relay = await startKeyedRelay(upstream.url, access, options);
  const cookie = await signIn(relay, ann);
  const status = async (sent: string, { url } = relay) =>
    (await ask(`${url}/relay.json`, { headers: { cookie: sent } })).status;
  await using next = await startKeyedRelay(upstream.url, access, options);
  assert.deepEqual([await status(cookie), await status(cookie, next)], [200, 200]);
  const [name = '', value = ''] = cookie.split('=');
  const [signature = '', expires = '', nonce = ''] = value.split('.');
  for (const changed of [
    `${name}=`,
    `${name}=${value.slice(1)}`,
    `${name}=${signature}.${Number(expires) + 1}.${nonce}.ann`,
    `${name}=${signature}.${expires}.${nonce}.bob`,
    `${name}=${signature}.${expires}.${nonce}.nobody`,
    `${name}=${'A'.repeat(43)}.${expires}.${nonce}.ann`,
    `${name}=${'-'.repeat(1000)}`,
  ]) {
    assert.equal(await status(changed), 401, changed);
  }
  time += 59_999;
  assert.equal(await status(cookie), 200);
  time += 1;
  assert.equal(await status(cookie), 401);
  const second = await signIn(relay, ann);
  const out = await fetch(`${relay.url}/session`, {
    method: 'DELETE',
    headers: { cookie: second, origin: relay.url },
  });
  assert.deepEqual([out.status, /Max-Age=0/.test(out.headers.get('set-cookie') ?? '')], [204, true]);
  assert.equal(await status(second), 401, 'a copy is worth nothing');
  const [third, fourth] = [await signIn(relay, ann), await signIn(relay, bob)];
  relay.relay.reload({ ...access, keys: [bob, { ...ann, secret: `${ann.secret}-new` }] });
  assert.deepEqual([await status(third), await status(fourth)], [401, 200]);
  relay.relay.reload({ keys: [ann], session: false });
  assert.deepEqual(
    [await status(third), (await post(`${relay.url}/session`, { key: ann.secret }, json)).status],
    [401, 404],
  );
});

test('Auth: a session is for pages alone: /v1 needs a key', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url);
  const cookie = await signIn(relay, ann);
  const { status } = await ask(`${relay.url}/v1/models`, { headers: { cookie, origin: relay.url } });
  assert.equal(status, 401);
});

test('Auth: keys can be changed while the relay runs, and a fault in them changes nothing', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startKeyedRelay(upstream.url);
  const status = async (key: { secret: string }) =>
    (await ask(`${relay.url}/relay.json`, { headers: as(key) })).status;
  assert.throws(() => relay.relay.reload({ keys: [{ id: 'ann', secret: 'short' }] }), AccessOptionError);
  assert.throws(() => relay.relay.reload({}), { field: 'access.keys' });
  assert.deepEqual([await status(ann), await status(bob)], [200, 200]);
  relay.relay.reload({ keys: [bob] });
  assert.deepEqual([await status(ann), await status(bob)], [401, 200]);
});

test('Auth: a relay without keys listens on loopback alone', async () => {
  await using open = await startTestRelay('http://127.0.0.1:9');
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'relay.example.com', '127.0.0.1.example.com']) {
    await assert.rejects(startRelayServer(open.relay, { port: 0, host }), {
      name: 'AccessOptionError',
      field: 'host',
      message: /can be reached from elsewhere, and the relay has no keys/,
    });
  }
  await using keyed = await startKeyedRelay('http://127.0.0.1:9');
  await using server = await startRelayServer(keyed.relay, { port: 0, host: '0.0.0.0' });
  assert.equal((await ask(`http://127.0.0.1:${server.port}/healthz`)).status, 200);
});
