// The life of a stream of `/streams`: its key, its readers' leaving, its ids and its deletion.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import { MemoryStreamLog } from 'millrace/storage';
import { startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const events = 'text/event-stream';
const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 3));
const ask = (content: string, more: object = {}) => ({ messages: [{ role: 'user', content }], ...more });

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, requestOf(body, headers));
}

function requestOf(body: unknown, headers: Record<string, string>): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

async function readFrames(response: Response): Promise<ServerSentEvent[]> {
  const decoder = new SseDecoder();
  return [...decoder.push(await response.text()), ...decoder.end()];
}

/** Reads until the text has come, and leaves the response open. */
async function readTo(response: Response, text: string): Promise<ReadableStreamDefaultReader<string>> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  while (!seen.includes(text)) seen += (await reader.read()).value ?? '';
  return reader;
}

const deleted = (url: string) => fetch(url, { method: 'DELETE' });

test('DELETE /streams/:id stops what runs, ends every reader’s stream and removes the log', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, ask('x'), { accept: events });
  const url = `${relay.url}/streams/${response.headers.get('x-stream-id')}`;
  const others = [
    await fetch(url, { headers: { accept: events } }),
    await fetch(`${url}?format=text`, { headers: { accept: events } }),
  ];
  const [first, second] = await Promise.all([deleted(url), deleted(url)]);
  assert.deepEqual([first.status, await first.text()], [204, '']);
  assert.ok([204, 404].includes(second.status), 'at the same time');
  await upstream.clientLeft();
  for (const reader of [response, ...others]) {
    const last = (await readFrames(reader)).at(-1);
    assert.match(`${last?.event} ${last?.data}`, /^stopped |^error .*(?:"stopped"|stream_gone)/);
  }
  assert.equal((await fetch(url)).status, 404);
  assert.equal((await fetch(url, { headers: { accept: events } })).status, 404);
  assert.equal((await post(`${url}/stop`, {})).status, 404);
  assert.equal((await deleted(url)).status, 404, 'again does no harm');
  assert.deepEqual(relay.errors, []);
});

test('DELETE /streams/:id removes a stream that has ended, frees its key, and leaves those of others alone', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  const log = new MemoryStreamLog();
  await using relay = await startTestRelay(upstream.url, { log });
  const start = () =>
    post(`${relay.url}/streams`, ask('echo once'), { accept: events, 'idempotency-key': 'k' });
  const before = await start();
  await before.text();
  const id = before.headers.get('x-stream-id');
  assert.equal((await deleted(`${relay.url}/streams/${id}`)).status, 204);
  const after = await start();
  await after.text();
  assert.notEqual(after.headers.get('x-stream-id'), id);
  await log.create({ id: 'theirs', open: { type: 'open', owner: 'someone', request: '{}', createdAt: 0 } });
  assert.equal((await deleted(`${relay.url}/streams/theirs`)).status, 404);
  assert.notEqual(await log.state('theirs'), undefined);
});

test('an Idempotency-Key attaches while the stream runs, at the same moment, and after its end', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const send = (body: unknown, accept = events) =>
    post(`${relay.url}/streams`, body, { accept, 'idempotency-key': 'key 1' });
  const responses = await Promise.all(Array.from({ length: 8 }, () => send(ask('markdown'))));
  const ids = new Set(responses.map(({ headers }) => headers.get('x-stream-id')));
  assert.equal(ids.size, 1);
  const all = await Promise.all(responses.map(readFrames));
  for (const frames of all) assert.deepEqual(frames, all[0]);
  assert.deepEqual(await readFrames(await send(ask('markdown'))), all[0], 'after its end');
  const started = await send(ask('markdown'), 'application/json');
  assert.deepEqual([started.status, await started.json()], [202, { id: [...ids][0] }]);
  assert.equal((await send(ask('something else'))).status, 409);
  assert.equal(upstream.requests.length, 1);
});

test('a repeated request with its Idempotency-Key and a Last-Event-ID goes on there, and without a key begins nothing', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const send = (headers: Record<string, string>, path = '/streams') =>
    post(relay.url + path, path.startsWith('/streams') ? ask('markdown') : { message: 'x' }, {
      accept: events,
      ...headers,
    });
  const key = { 'idempotency-key': 'key 1' };
  const all = await readFrames(await send(key));
  const idOf = (frame: ServerSentEvent | undefined) => ({ ...key, 'last-event-id': frame?.id ?? '' });
  assert.deepEqual(await readFrames(await send(idOf(all[4]))), all.slice(5));
  assert.equal((await send(idOf(all.at(-1)))).status, 204);
  const [reset, ...anew] = await readFrames(await send({ ...key, 'last-event-id': '1-5' }));
  assert.match(reset?.data ?? '', /"type":"reset"/);
  assert.deepEqual(anew, all);
  assert.equal((await send({ ...key, 'last-event-id': 'x' })).status, 400);
  const lastId = all[4]?.id ?? '';
  for (const [path, headers] of [
    ['/streams', { 'last-event-id': lastId }],
    ['/chat/stream', { 'last-event-id': lastId }],
    ['/api/chat', { 'last-event-id': lastId }],
    [`/streams?after=${lastId}`, {}],
  ] as const) {
    const refused = await send(headers, path);
    assert.equal(refused.status, 400, path);
    assert.match(await refused.text(), /Last-Event-ID: this would begin another answer; go on with GET/);
  }
  assert.equal(upstream.requests.length, 1);
});

test('onDisconnect stop ends a stream of /streams when its last reader has left, not before', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, ask('x', { onDisconnect: 'stop' }), { accept: events });
  const url = `${relay.url}/streams/${response.headers.get('x-stream-id')}`;
  const first = await readTo(response, 'lo');
  const second = await readTo(await fetch(url, { headers: { accept: events } }), 'lo');
  await first.cancel();
  // The relay has seen the first one go when it has answered a request after it.
  assert.equal(((await (await fetch(url)).json()) as { state: string }).state, 'open');
  await second.cancel();
  await upstream.clientLeft();
  assert.doesNotMatch(upstream.requests[0] ?? '', /onDisconnect/);
});

test('onDisconnect stop of a stream that was started without events waits for its first reader', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const started = await post(`${relay.url}/streams`, ask('x', { onDisconnect: 'stop' }));
  const { id } = (await started.json()) as { id: string };
  const url = `${relay.url}/streams/${id}`;
  const reader = await readTo(await fetch(url, { headers: { accept: events } }), 'lo');
  await reader.cancel();
  await upstream.clientLeft();
});

for (const [title, path, body, headers] of [
  ['/streams', '/streams', ask('x', { onDisconnect: 'stop' }), { accept: events }],
  ['/chat/stream', '/chat/stream', { message: 'x', onDisconnect: 'stop' }, {}],
  ['/v1/messages', '/v1/messages', ask('x', { stream: true }), {}],
] as const) {
  test(`onDisconnect stop of ${title} holds before the first byte as well`, async () => {
    await using upstream = await startRawServer(() => ({ bytes: '', then: 'hold' }));
    await using relay = await startTestRelay(upstream.url);
    const leaving = new AbortController();
    const asked = fetch(relay.url + path, { ...requestOf(body, headers), signal: leaving.signal });
    asked.catch(() => undefined);
    await turnsUntil(() => upstream.requests.length > 0);
    leaving.abort();
    await upstream.clientLeft();
  });
}

for (const [title, path, body, headers] of [
  ['/streams', '/streams', ask('x'), { accept: events }],
  ['/chat/stream', '/chat/stream', { message: 'x', onDisconnect: 'continue' }, {}],
  ['/v1/messages', '/v1/messages', ask('x', { stream: true }), { 'x-millrace-on-disconnect': 'continue' }],
] as const) {
  test(`onDisconnect continue of ${title} lets the answer come to its end, also before the first byte`, async () => {
    for (const isEarly of [true, false]) {
      const rest = Promise.withResolvers<string>();
      const whole = sse(messageStart, ...textEvents(0, 'Hello'), { type: 'message_stop' });
      const begin = isEarly ? '' : streamResponse(cut);
      await using upstream = await startRawServer(() => ({
        bytes: begin,
        then: 'hold',
        later: rest.promise,
      }));
      const log = new MemoryStreamLog();
      const ids: string[] = [];
      const create = log.create.bind(log);
      log.create = (stream) => {
        ids.push(stream.id);
        return create(stream);
      };
      await using relay = await startTestRelay(upstream.url, { log });
      const leaving = new AbortController();
      const asked = fetch(relay.url + path, { ...requestOf(body, headers), signal: leaving.signal });
      asked.catch(() => undefined);
      if (isEarly) await turnsUntil(() => upstream.requests.length > 0);
      else await readTo(await asked, 'lo');
      leaving.abort();
      await (await fetch(`${relay.url}/healthz`)).text();
      const more = sse({ type: 'message_stop' });
      const chunk = `${Buffer.byteLength(more).toString(16)}\r\n${more}\r\n0\r\n\r\n`;
      rest.resolve(isEarly ? `${streamResponse(whole)}0\r\n\r\n` : chunk);
      let ending: object | undefined;
      while (ending === undefined) {
        await new Promise(setImmediate);
        ending = (await log.state(ids[0]!))?.ending;
      }
      assert.deepEqual(ending, { type: 'complete' });
    }
  });
}

test('onDisconnect that is neither stop nor continue is refused', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9');
  for (const [path, body, headers] of [
    ['/streams', ask('x', { onDisconnect: 'later' }), {}],
    ['/chat/stream', { message: 'x', onDisconnect: 7 }, {}],
    ['/v1/messages', ask('x', { stream: true }), { 'x-millrace-on-disconnect': '' }],
  ] as const) {
    const response = await post(relay.url + path, body, headers);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /n-?[dD]isconnect: must be stop or continue, not/);
  }
});

test('a Last-Event-ID is an id of this stream, or refused, or answered with a reset: never passed over', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, ask('echo hi'), { accept: events });
  const url = `${relay.url}/streams/${response.headers.get('x-stream-id')}`;
  const frames = await readFrames(response);
  const [epoch = '', last = ''] = frames.at(-1)!.id!.split('-');
  const other = await readFrames(await post(`${relay.url}/streams`, ask('echo ho'), { accept: events }));
  const byHeader = (id: string) => fetch(url, { headers: { accept: events, 'last-event-id': id } });
  const byQuery = (id: string) =>
    fetch(`${url}?after=${encodeURIComponent(id)}`, { headers: { accept: events } });
  const malformed = [
    '',
    '7',
    '-1',
    'x',
    '1-2-3',
    `${epoch} - 3`,
    `${epoch}-3 x`,
    `-${epoch}-3`,
    `${epoch}--3`,
    `${epoch}-3.5`,
    `${epoch}-1e3`,
    `${'9'.repeat(40)}-1`,
    `${epoch}-${'9'.repeat(40)}`,
    `${epoch}-3, ${epoch}-4`,
    'null',
  ];
  for (const id of malformed) {
    for (const refused of [await byHeader(id), await byQuery(id)]) {
      assert.equal(refused.status, 400, JSON.stringify(id));
      assert.match(await refused.text(), /Last-Event-ID: must be the id of an event of this stream/);
    }
  }
  for (const id of [` ${epoch}-3`, `${epoch}-3 `, `${epoch}-3\n`])
    assert.equal((await byQuery(id)).status, 400, JSON.stringify(id));
  const foreign = [
    `${epoch}-${Number(last) + 1}`,
    `${epoch}-${'9'.repeat(15)}`,
    `${Number(epoch) + 1}-3`,
    `${'9'.repeat(15)}-3`,
    `${epoch}-0`,
    '1-1',
    '0-5',
    other.at(-1)!.id!,
  ];
  for (const id of foreign) {
    for (const response of [await byHeader(id), await byQuery(id)]) {
      assert.equal(response.status, 200, id);
      const [reset, ...rest] = await readFrames(response);
      assert.match(reset?.data ?? '', /"type":"reset"/, id);
      assert.deepEqual(rest, frames, id);
    }
  }
  assert.deepEqual(await readFrames(await byQuery('0-0')), frames, 'the place before the first event');
  assert.equal((await byHeader(frames.at(-1)!.id!)).status, 204);
  assert.equal((await byHeader(frames.at(-2)!.id!)).status, 200);
});

test('GET /streams/:id after the last id of a stream that goes on waits for more, and is no 204', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const started = await post(`${relay.url}/streams`, ask('x'));
  const { id } = (await started.json()) as { id: string };
  const url = `${relay.url}/streams/${id}`;
  const reader = await readTo(await fetch(url, { headers: { accept: events } }), 'lo');
  const { lastId } = (await (await fetch(url)).json()) as { lastId: string };
  const waiting = await fetch(url, { headers: { accept: events, 'last-event-id': lastId } });
  assert.equal(waiting.status, 200);
  await post(`${url}/stop`, {});
  const frames = await readFrames(waiting);
  assert.deepEqual(
    frames.map(({ event }) => event),
    ['error'],
  );
  await reader.cancel();
});
