// What becomes of an answer when upstream, the store or the relay itself does not do what it should.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MemoryStreamLog } from 'millrace/storage';
import type { StreamLog } from 'millrace/storage';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { logWith, storeIsGone } from '../support/stream-log.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const cut = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2));
const whole = sse(messageStart, ...textEvents(0, 'Hel'), ...messageEnd);
const params = { model: 'claude-sonnet-5', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] };

function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify(body),
  });
}

/** A log that tells the id of the stream that is made. */
function logWithId(
  log: StreamLog,
  changed: Partial<StreamLog> = {},
): { log: StreamLog; id: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const create: StreamLog['create'] = async (stream) => {
    const result = await log.create(stream);
    resolve(stream.id);
    return result;
  };
  return { id: promise, log: logWith(log, { create, ...changed }) };
}

/** Passes virtual time until `promise` is settled. */
async function passTime<Result>(t: TestContext, promise: Promise<Result>): Promise<Result> {
  const state = { isSettled: false };
  const settled = promise.finally(() => {
    state.isSettled = true;
  });
  await turnsUntil(() => {
    t.mock.timers.tick(100);
    return state.isSettled;
  });
  return settled;
}

test('a store that rejects an append ends the stream, closes the upstream call and tells the operator', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  let appends = 0;
  const append: StreamLog['append'] = (id, change) => {
    appends += 1;
    return appends === 1 ? storeIsGone() : memory.append(id, change);
  };
  await using relay = await startTestRelay(upstream.url, { log: logWith(memory, { append }) });
  const response = await post(`${relay.url}/v1/messages`, { ...params, stream: true });
  assert.match(await response.text(), /^event: error\n.*"code":"storage_failed"/);
  await upstream.clientLeft();
  assert.match(String(relay.errors[0]), /Cannot append.*the store is gone/);
});

test('a store whose answer to an append was lost has the ending behind what it had written', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  let appends = 0;
  const append: StreamLog['append'] = async (id, change) => {
    const result = await memory.append(id, change);
    appends += 1;
    return appends === 1 ? storeIsGone() : result;
  };
  await using relay = await startTestRelay(upstream.url, { log: logWith(memory, { append }) });
  const response = await post(`${relay.url}/v1/messages`, { ...params, stream: true });
  const text = await response.text();
  assert.ok(text.startsWith(cut), text);
  assert.match(text.slice(cut.length), /^event: error\n.*"code":"storage_failed"/);
});

test('no method of the store that rejects ends the process, and every client gets an answer', async () => {
  for (const name of [
    'create',
    'acquire',
    'append',
    'read',
    'wait',
    'state',
    'release',
    'requestStop',
  ] as const) {
    await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
    const log = logWith(new MemoryStreamLog(), { [name]: storeIsGone });
    await using relay = await startTestRelay(upstream.url, { log });
    for (const path of ['/v1/messages', '/streams', '/chat/stream']) {
      const leaving = new AbortController();
      const asked = fetch(relay.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
        body: JSON.stringify(path === '/chat/stream' ? { message: 'x' } : { ...params, stream: true }),
        signal: leaving.signal,
      });
      const response = await asked;
      if (response.ok) await response.body?.getReader().read();
      else assert.equal(response.status, 500, `${name} ${path}`);
      leaving.abort();
    }
    const health = await fetch(`${relay.url}/healthz`);
    assert.equal(health.status, 200, name);
  }
});

test('a stop closes the upstream call also when the store rejects it', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const log = logWith(new MemoryStreamLog(), { requestStop: storeIsGone });
  await using relay = await startTestRelay(upstream.url, { log });
  const response = await post(`${relay.url}/streams`, params);
  const stopped = await post(`${relay.url}/streams/${response.headers.get('x-stream-id')}/stop`, {});
  assert.equal(stopped.status, 500);
  await upstream.clientLeft();
  assert.match(await response.text(), /"code":"stopped"/);
});

test('a stream that is stopped before upstream has answered is a stream with that ending', async () => {
  for (const [path, body, said] of [
    ['/v1/messages', { ...params, stream: true }, /^event: error\n.*"code":"stopped"/],
    ['/streams', params, /event: error\n.*"code":"stopped"/],
    ['/chat/stream', { message: 'x' }, /^id: [0-9-]+\nevent: stopped\n/],
  ] as const) {
    await using upstream = await startRawServer(() => ({ bytes: '', then: 'hold' }));
    const { log, id } = logWithId(new MemoryStreamLog());
    await using relay = await startTestRelay(upstream.url, { log });
    const asked = post(relay.url + path, body);
    const stream = await id;
    await turnsUntil(() => upstream.requests.length > 0);
    assert.equal((await post(`${relay.url}/streams/${stream}/stop`, {})).status, 200);
    const response = await asked;
    assert.equal(response.status, 200, path);
    assert.match(await response.text(), said);
  }
});

test('a relay that closes asks who waits for upstream to come again, and gives streams their ending', async () => {
  await using upstream = await startRawServer((request) => ({
    bytes: request.includes('"begin"') ? streamResponse(cut) : '',
    then: 'hold',
  }));
  await using relay = await startTestRelay(upstream.url);
  const begun = await post(`${relay.url}/v1/messages`, { ...params, system: 'begin', stream: true });
  const waiting = [
    post(`${relay.url}/v1/messages`, { ...params, stream: true }),
    post(`${relay.url}/v1/messages`, params),
    post(`${relay.url}/streams`, params),
    post(`${relay.url}/chat/stream`, { message: 'x' }),
  ];
  await turnsUntil(() => upstream.requests.length === 5);
  await relay.server.close();
  assert.match(await begun.text(), /"code":"stopped"/);
  for (const response of await Promise.all(waiting)) {
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('x-should-retry'), 'true');
    assert.match(await response.text(), /"type":"api_error"/);
  }
  assert.deepEqual(relay.errors, []);
});

test('a relay that closes waits for a stream that is just being made, and begins none', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const create: StreamLog['create'] = async (stream) => {
    entered.resolve();
    await gate.promise;
    return memory.create(stream);
  };
  await using relay = await startTestRelay(upstream.url, { log: logWith(memory, { create }) });
  const asked = post(`${relay.url}/streams`, params);
  await entered.promise;
  let isClosed = false;
  const closing = relay.relay.close().finally(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  assert.equal(isClosed, false);
  const late = await post(`${relay.url}/streams`, params);
  assert.equal(late.status, 503);
  gate.resolve();
  await closing;
  assert.equal((await asked).status, 503);
  assert.deepEqual(await memory.abandoned(), []);
  assert.equal(upstream.requests.length, 0);
});

test('a lease that cannot be renewed is held until it would have run out, and then given up', async (t) => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  let time = 1000;
  let renewals = 0;
  const renew = (): Promise<never> => {
    renewals += 1;
    return storeIsGone();
  };
  t.mock.timers.enable({ apis: ['setInterval'] });
  await using relay = await startTestRelay(upstream.url, {
    log: logWith(memory, { renew }),
    now: () => time,
  });
  const response = await post(`${relay.url}/streams`, params);
  const id = response.headers.get('x-stream-id')!;
  const pass = async (ms: number): Promise<void> => {
    time += ms;
    t.mock.timers.tick(ms);
    await new Promise(setImmediate);
  };
  await pass(1700);
  await pass(1700);
  assert.equal(renewals, 2);
  assert.equal((await memory.state(id))?.ending, undefined);
  await pass(1700);
  assert.match(await response.text(), /"code":"storage_failed"/);
  await upstream.clientLeft();
});

test('a lease is renewed from its acquisition on, and not before', async (t) => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  const gate = Promise.withResolvers<void>();
  let renewals = 0;
  const changed: Partial<StreamLog> = {
    acquire: async (...args) => {
      await gate.promise;
      return memory.acquire(...args);
    },
    renew: (...args) => {
      renewals += 1;
      return memory.renew(...args);
    },
  };
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { log, id } = logWithId(memory, changed);
  await using relay = await startTestRelay(upstream.url, { log });
  const asked = post(`${relay.url}/streams`, params);
  await id;
  await new Promise(setImmediate);
  t.mock.timers.tick(10_000);
  assert.equal(renewals, 0);
  gate.resolve();
  const response = await asked;
  t.mock.timers.tick(2000);
  assert.equal(renewals, 1);
  await response.body?.cancel();
});

test('a producer whose lease another has stops, and leaves the log to it', async (t) => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog({ now: () => Date.now() });
  t.mock.timers.enable({ apis: ['setInterval'] });
  const renew: StreamLog['renew'] = async (id, producer) => {
    await memory.release(id, producer);
    await memory.acquire(id, 'another', 60_000);
    return { held: false, stopRequested: false };
  };
  await using relay = await startTestRelay(upstream.url, { log: logWith(memory, { renew }) });
  const response = await post(`${relay.url}/streams`, params);
  t.mock.timers.tick(2000);
  await upstream.clientLeft();
  await new Promise(setImmediate);
  const id = response.headers.get('x-stream-id')!;
  assert.equal((await memory.state(id))?.ending, undefined);
  await memory.delete(id);
  assert.match(await response.text(), /"code":"stream_gone"/);
});

test('the body of an error that comes late is passed on whole', async (t) => {
  const error = '{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}';
  for (const [path, stream] of [
    ['/v1/messages', true],
    ['/v1/messages', false],
    ['/v1/messages/count_tokens', false],
  ] as const) {
    const head = `HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: ${error.length}\r\n\r\n`;
    const late = Promise.withResolvers<string>();
    await using upstream = await startRawServer(() => ({ bytes: head, then: 'hold', later: late.promise }));
    await using relay = await startTestRelay(upstream.url);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const posted = post(relay.url + path, { ...params, stream });
    await turnsUntil(() => upstream.requests.length === 1);
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    t.mock.timers.tick(9_000);
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    late.resolve(error);
    const response = await posted;
    t.mock.timers.reset();
    assert.deepEqual([response.status, await response.text()], [429, error]);
  }
});

test('a 200 that is no stream and stays open is waited for a second, an error for ten', async (t) => {
  const open = (status: string) =>
    `HTTP/1.1 ${status}\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n3\r\n<h1\r\n`;
  for (const [head, status, text] of [
    ['200 OK', 502, /text\/html.*<h1/],
    ['429 Too Many Requests', 429, /^<h1$/],
  ] as const) {
    await using upstream = await startRawServer(() => ({ bytes: open(head), then: 'hold' }));
    await using relay = await startTestRelay(upstream.url);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const response = await passTime(t, post(`${relay.url}/v1/messages`, { ...params, stream: true }));
    t.mock.timers.reset();
    assert.equal(response.status, status);
    assert.match(await response.text(), text);
    await upstream.clientLeft();
  }
});

test('an answer to a stream request that is neither a stream nor an error is a 502', async () => {
  for (const status of ['204 No Content', '302 Found', '206 Partial Content', '699 Odd']) {
    const bytes = `HTTP/1.1 ${status}\r\nlocation: /elsewhere\r\ncontent-type: text/event-stream\r\ncontent-length: 0\r\n\r\n`;
    await using upstream = await startRawServer(() => ({ bytes, then: 'fin' }));
    const { log, id } = logWithId(new MemoryStreamLog());
    await using relay = await startTestRelay(upstream.url, { log });
    const response = await post(`${relay.url}/v1/messages`, { ...params, stream: true });
    assert.equal(response.status, 502, status);
    const state = await log.state(await id);
    assert.equal(state?.ending?.type === 'failed' && state.ending.code, 'not_an_event_stream', status);
  }
});

test('a whole answer ends at message_stop, not at the end of the transfer', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(whole), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/v1/messages`, { ...params, stream: true });
  assert.equal(await response.text(), whole);
  await upstream.clientLeft();
});

test('a connection to upstream outlives a whole answer, whose transfer ends a little later', async (t) => {
  // However slow this machine is: the time for that is not what is tested.
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ends = [1, 2, 3].map(() => Promise.withResolvers<string>());
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(whole),
    then: 'hold',
    later: ends[upstream.requests.length - 1]!.promise,
  }));
  await using relay = await startTestRelay(upstream.url);
  for (const end of ends) {
    const response = await post(`${relay.url}/v1/messages`, { ...params, stream: true });
    assert.equal(await response.text(), whole, 'the client has its ending before upstream has closed');
    end.resolve(cleanEnd);
  }
  assert.equal(upstream.requests.length, 3);
  assert.equal(upstream.closedConnections, 0);
});

test('no response or ending tells where upstream is', async () => {
  const gone = await startRawServer(() => ({ bytes: '', then: 'fin' }));
  await gone[Symbol.asyncDispose]();
  await using breaking = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'rst' }));
  for (const { url } of [gone, breaking]) {
    await using relay = await startTestRelay(url);
    for (const stream of [true, false]) {
      const response = await post(`${relay.url}/v1/messages`, { ...params, stream });
      const text = await response.text().catch(String);
      assert.doesNotMatch(text, new RegExp(new URL(url).port));
      assert.match(text, /Upstream cannot be reached|broke off/);
    }
    assert.ok(relay.errors.length > 0);
  }
});
