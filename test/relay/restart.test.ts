// Streams that a process left without an end, and a relay that is told to go.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEntryId, MemoryStreamLog } from 'millrace/storage';
import type { LogRecord, StreamLog } from 'millrace/storage';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { logWith, storeIsGone } from '../support/stream-log.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const cut = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2));
const rest = sse(...textEvents(0, 'lo').slice(1), ...messageEnd);
const params = { model: 'claude-sonnet-5', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] };
const said: LogRecord = { type: 'event', event: 'ping', data: '{"type":"ping"}' };

/** The chunks of a transfer that stopped behind `cut`. */
const endOfAnswer = `${Buffer.byteLength(rest).toString(16)}\r\n${rest}\r\n${cleanEnd}`;

/** Begins an answer, and goes on with it when it gets to know how. */
const heldUntil = (later: Promise<string>) => () =>
  ({ bytes: streamResponse(cut), then: 'hold', later }) as const;

function post(url: string, path = '/streams'): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ ...params, ...(path === '/v1/messages' ? { stream: true } : {}) }),
  });
}

/** A stream that `producer` works on. */
async function begin(log: StreamLog, id: string, producer: string): Promise<string> {
  await log.create({ id, open: { type: 'open', owner: 'local', request: '{}', createdAt: 0 } });
  const acquired = await log.acquire(id, producer, 60_000);
  assert.ok(acquired.type === 'acquired');
  const appended = await log.append(id, { after: acquired.tail, records: [said] });
  assert.ok(appended.type === 'appended');
  return formatEntryId(appended.tail);
}

test('a relay that starts ends what a dead process left, and a reader who comes back gets the rest once', async () => {
  const log = new MemoryStreamLog();
  const lastId = await begin(log, 'dead', 'relay-dead');
  await log.release('dead', 'relay-dead');
  await begin(log, 'alive', 'relay-alive');
  await using relay = await startTestRelay('http://127.0.0.1:9', { log });
  const response = await fetch(`${relay.url}/streams/dead`, {
    headers: { accept: 'text/event-stream', 'last-event-id': lastId },
  });
  const text = await response.text();
  assert.match(
    text,
    /^id: [0-9]+-4\nevent: millrace\ndata: .*"attempt".*\n\nid: [0-9]+-5\nevent: error\ndata: .*"interrupted".*\n\n$/,
  );
  assert.deepEqual((await log.state('dead'))?.ending, {
    type: 'failed',
    code: 'interrupted',
    message: 'The relay was ended in the middle of the answer',
  });
  assert.equal((await log.state('alive'))?.ending, undefined, 'a stream of another producer is not touched');
  assert.equal((await log.state('alive'))?.tail.sequence, 3);
  assert.deepEqual(relay.errors, []);
});

test('a relay that starts ends a stream as stopped that somebody had stopped', async () => {
  const log = new MemoryStreamLog();
  await begin(log, 's', 'relay-dead');
  await log.requestStop('s');
  await log.release('s', 'relay-dead');
  await using relay = await startTestRelay('http://127.0.0.1:9', { log });
  assert.deepEqual(relay.errors, []);
  assert.deepEqual((await log.state('s'))?.ending, { type: 'stopped' });
});

test('a relay whose store fails when it starts serves all the same, and tells the operator', async () => {
  const log = logWith(new MemoryStreamLog(), { abandoned: storeIsGone });
  await using relay = await startTestRelay('http://127.0.0.1:9', { log });
  assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  assert.match(String(relay.errors), /Cannot look for abandoned streams.*the store is gone/);
});

test('a reader of what a dead process left is told where the store does not take its end', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const memory = new MemoryStreamLog();
  for (const id of ['one', 'other']) {
    await begin(memory, id, 'relay-dead');
    await memory.release(id, 'relay-dead');
  }
  const store = { isGone: true };
  const append: StreamLog['append'] = (id, change) =>
    store.isGone && id === 'one' ? storeIsGone() : memory.append(id, change);
  await using relay = await startTestRelay('http://127.0.0.1:9', { log: logWith(memory, { append }) });
  const read = async (id: string) =>
    (await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } })).text();
  assert.match(await read('one'), /event: ping\n.*\n.*"code":"storage_failed".*\n\n$/s);
  assert.match(await read('other'), /"code":"interrupted"/);
  assert.match(String(relay.errors[0]), /Cannot take the stream one.*the store is gone/);
  store.isGone = false;
  t.mock.timers.tick(5_000);
  assert.match(await read('one'), /"code":"interrupted"/);
});

test('a stream whose end the store did not take gets one when the store is there again', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  const store = { isGone: false };
  const append: StreamLog['append'] = (id, change) =>
    store.isGone ? storeIsGone() : memory.append(id, change);
  await using relay = await startTestRelay(upstream.url, { log: logWith(memory, { append }) });
  const response = await post(relay.url);
  const id = response.headers.get('x-stream-id') ?? '';
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  store.isGone = true;
  await fetch(`${relay.url}/streams/${id}/stop`, { method: 'POST' });
  let text = '';
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value;
  assert.match(text, /"code":"storage_failed"/);
  assert.equal((await memory.state(id))?.ending, undefined);
  // Who comes while nobody can write it is told as well, behind what there is.
  for (const format of ['messages', 'text', 'ui', 'ndjson', 'log']) {
    const late = await fetch(`${relay.url}/streams/${id}?format=${format}`);
    assert.match(await late.text(), /Hel.*storage_failed/s);
  }
  store.isGone = false;
  t.mock.timers.tick(5_000);
  const again = await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } });
  assert.match(await again.text(), /\nevent: error\n.*"code":"stopped".*\n\n$/);
});

test('a sweep leaves alone what is just being made and what runs', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const sweeps = { count: 0 };
  const log = logWith(memory, {
    create: async (stream) => {
      const result = await memory.create(stream);
      asked.resolve();
      await answer.promise;
      return result;
    },
    abandoned: async () => {
      const ids = await memory.abandoned();
      sweeps.count += ids.length;
      return ids;
    },
  });
  await using relay = await startTestRelay(upstream.url, { log });
  const posted = post(relay.url);
  await asked.promise;
  t.mock.timers.tick(5_000);
  await turnsUntil(() => sweeps.count === 1);
  answer.resolve();
  const response = await posted;
  const id = response.headers.get('x-stream-id') ?? '';
  await response.body?.cancel();
  t.mock.timers.tick(5_000);
  await new Promise(setImmediate);
  assert.equal((await memory.state(id))?.ending, undefined);
});

test('drain() lets an answer end by itself, refuses new work, and lets readers come and go', async () => {
  const more = Promise.withResolvers<string>();
  await using upstream = await startRawServer(heldUntil(more.promise));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(relay.url);
  const id = response.headers.get('x-stream-id') ?? '';
  assert.equal((await fetch(`${relay.url}/readyz`)).status, 200);
  const closed = relay.server.close({ drainMs: Number.MAX_SAFE_INTEGER });
  for (const path of ['/streams', '/v1/messages', '/v1/messages/count_tokens', '/chat/stream']) {
    const refused = await post(relay.url, path);
    assert.equal(refused.status, 503, path);
    assert.match(await refused.text(), /shutting down/);
  }
  assert.equal((await fetch(`${relay.url}/readyz`)).status, 503);
  assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  const follower = await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } });
  more.resolve(endOfAnswer);
  assert.match(await response.text(), /event: message_stop\n/);
  assert.match(await follower.text(), /event: message_stop\n/);
  await closed;
  await assert.rejects(fetch(`${relay.url}/healthz`));
});

test('drain() tells everybody who asked for it', async () => {
  const more = Promise.withResolvers<string>();
  await using upstream = await startRawServer(heldUntil(more.promise));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(relay.url);
  const drained = Promise.all([relay.relay.drain(Infinity), relay.relay.drain(Infinity)]);
  more.resolve(endOfAnswer);
  await response.text();
  assert.deepEqual(await drained, [undefined, undefined]);
});

test('drain() waits no longer than it may: what still runs is stopped', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(relay.url);
  const closed = relay.server.close({ drainMs: 1 });
  assert.match(await response.text(), /"code":"stopped"/);
  await closed;
  await upstream.clientLeft();
});

test('GET /healthz says whether streams outlive the process', async () => {
  const memory = new MemoryStreamLog();
  for (const [log, durable] of [
    [memory, false],
    [logWith(memory, { outlivesProcess: true }), true],
  ] as const) {
    await using relay = await startTestRelay('http://127.0.0.1:9', { log });
    assert.deepEqual(await (await fetch(`${relay.url}/healthz`)).json(), { status: 'ok', durable });
  }
});
