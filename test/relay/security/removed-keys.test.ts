// reliability, section 4, the row “Auth”: a key that a reload takes away ends with all that was begun with it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import type { OwnerLimits } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';
import { startRawServer, streamResponse } from '../../support/raw-server.ts';
import type { RawServer } from '../../support/raw-server.ts';
import type { TestRelay } from '../../support/relay.ts';
import { logWith } from '../../support/stream-log.ts';
import { messageStart, sse, textEvents } from '../../support/streams.ts';
import { turnsUntil } from '../../support/turns.ts';
import { ann, as, bob, boss, post, question, startKeyedRelay } from './keyed-relay.ts';

const half = sse(messageStart, ...textEvents(0, 'Half', ' and half').slice(0, 2));
const whole = { model: 'claude-sonnet-5', max_tokens: 9, ...question('x') };
const stream = { ...whole, stream: true };
const events = { ...as(ann), accept: 'text/event-stream' };
const removed = {
  type: 'failed',
  code: 'key_removed',
  message: 'This key is none of this relay any more',
};

/** It begins to answer, and says no more; whole answers it does not even begin. */
const startSilent = (): Promise<RawServer> =>
  startRawServer((request) => ({
    bytes: request.includes('"stream":true') ? streamResponse(half) : '',
    then: 'hold',
  }));

const counts = ({ relay }: TestRelay): readonly [running: number, waiting: number] => {
  const usage = relay.usage().find(({ owner }) => owner === 'ann');
  return [usage?.running ?? 0, usage?.waiting ?? 0];
};

async function refusalOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { type: string; details?: { code: string } } };
  return [
    response.status,
    error.type,
    error.details?.code,
    response.headers.get('retry-after'),
    response.headers.get('x-should-retry'),
  ];
}

const refusal = [401, 'authentication_error', 'key_removed', null, 'false'];

test('Removed key: a stream under way ends key_removed with what had come, one that waits as well, and upstream is let go', async () => {
  await using upstream = await startSilent();
  await using relay = await startKeyedRelay(upstream.url, { limits: { concurrent: 1 } });
  const page = await post(`${relay.url}/streams`, question('x'), events);
  const waiting = await post(`${relay.url}/streams`, question('x'), events);
  await turnsUntil(() => upstream.requests.length === 1);
  relay.relay.reload({ keys: [bob] });
  assert.match(await page.text(), /Half[^]*"authentication_error"[^]*"code":"key_removed"/);
  assert.match(await waiting.text(), /"code":"key_removed"/);
  await upstream.clientLeft();
  await turnsUntil(() => counts(relay).join() === '0,0');
  assert.equal(upstream.requests.length, 1);
  assert.deepEqual(relay.errors, []);
});

for (const [name, limits] of [
  ['with a limit of answers', { concurrent: 1 }],
  ['with a quota', { concurrent: 1, tokensPerDay: 1_000_000 }],
  ['without any limit', { concurrent: Infinity }],
] as const satisfies [string, OwnerLimits][]) {
  test(`Removed key: an answer in one piece under way is ended with a 401 ${name}, and upstream is let go`, async () => {
    await using upstream = await startSilent();
    await using relay = await startKeyedRelay(upstream.url, { limits });
    const asked = post(`${relay.url}/v1/messages`, whole, as(ann));
    await turnsUntil(() => upstream.requests.length === 1);
    relay.relay.reload({ keys: [bob], limits });
    assert.deepEqual(await refusalOf(await asked), refusal);
    await upstream.clientLeft();
    await turnsUntil(() => counts(relay).join() === '0,0');
    assert.deepEqual(relay.errors, []);
  });
}

test('Removed key: what it took counts in full where upstream was at work on it, and nothing where it waited', async () => {
  await using upstream = await startSilent();
  const limits = { concurrent: 1, tokensPerDay: 1_000_000 };
  await using relay = await startKeyedRelay(upstream.url, { limits });
  const tokens = () => relay.relay.usage().find(({ owner }) => owner === 'ann')?.tokens ?? 0;
  const asked = [1, 2].map(() => post(`${relay.url}/v1/messages`, whole, as(ann)));
  await turnsUntil(() => upstream.requests.length === 1 && counts(relay)[1] === 1);
  relay.relay.reload({ keys: [bob], limits });
  for (const response of await Promise.all(asked)) assert.deepEqual(await refusalOf(response), refusal);
  await turnsUntil(() => counts(relay).join() === '0,0');
  const one = tokens();
  assert.ok(one >= 2000 + 9 && one < 2 * (2000 + 9), `${one}`);
  assert.equal(upstream.requests.length, 1);
});

test('Removed key: what waits for its turn on /v1 hears why, streamed or not', async () => {
  await using upstream = await startSilent();
  await using relay = await startKeyedRelay(upstream.url, { limits: { concurrent: 1 } });
  const first = await post(`${relay.url}/v1/messages`, stream, as(ann));
  const waiting = [stream, whole].map((body) => post(`${relay.url}/v1/messages`, body, as(ann)));
  await turnsUntil(() => counts(relay)[1] === 2);
  relay.relay.reload({ keys: [bob] });
  for (const response of await Promise.all(waiting)) assert.deepEqual(await refusalOf(response), refusal);
  assert.match(await first.text(), /"code":"key_removed"/);
});

test('Removed key: a request whose body is still coming is refused when it is there', async () => {
  await using upstream = await startSilent();
  await using relay = await startKeyedRelay(upstream.url);
  for (const path of ['/v1/messages', '/streams']) {
    relay.relay.reload({ keys: [ann, bob] });
    const body = JSON.stringify(path === '/streams' ? question('x') : stream);
    const socket = createConnection(Number(new URL(relay.url).port), '127.0.0.1');
    const head = [
      `POST ${path} HTTP/1.1`,
      'host: 127.0.0.1',
      'content-type: application/json',
      'expect: 100-continue',
      `x-api-key: ${ann.secret}`,
      `content-length: ${body.length}`,
      'connection: close',
    ];
    socket.setEncoding('utf8').write(`${head.join('\r\n')}\r\n\r\n`);
    const [word] = (await once(socket, 'data')) as [string];
    assert.match(word, /^HTTP\/1\.1 100 /);
    // By now the request is with the relay, which reads its body.
    await new Promise(setImmediate);
    relay.relay.reload({ keys: [bob] });
    socket.write(body);
    let text = '';
    for await (const piece of socket as AsyncIterable<string>) text += piece;
    assert.match(text, /^HTTP\/1\.1 401 [^]*key_removed/, path);
  }
  assert.equal(upstream.requests.length, 0);
});

test('Removed key: an answer that another process left ends key_removed, and one of an owner without a key goes on', async () => {
  await using upstream = await startSilent();
  const log = logWith(new MemoryStreamLog(), { outlivesProcess: true });
  const first = await startKeyedRelay(upstream.url, {}, { log });
  const owned = await post(`${first.url}/streams`, question('x'), events);
  const foreign = await first.relay.handle({
    method: 'POST',
    path: '/streams',
    query: '',
    httpVersion: '1.1',
    headers: new Map([['content-type', 'application/json']]),
    readBody: () => Promise.resolve(new TextEncoder().encode(JSON.stringify(question('x')))),
    signal: new AbortController().signal,
    owner: 'somebody',
  });
  await turnsUntil(() => upstream.requests.length === 2);
  const idOfOwned = owned.headers.get('x-stream-id') ?? '';
  const { 'x-stream-id': idOfForeign = '' } = foreign.headers;
  await readUntil(owned, 'Half');
  await first.server.close({ handOver: true });
  await using second = await startKeyedRelay(upstream.url, { keys: [bob] }, { log });
  await turnsUntil(() => upstream.requests.length === 3);
  assert.deepEqual((await log.state(idOfOwned))?.ending, removed);
  assert.equal((await log.state(idOfForeign))?.ending, undefined);
  assert.deepEqual(second.errors, []);
});

async function readUntil(response: Response, wanted: string): Promise<void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; !text.includes(wanted);) text += (await reader.read()).value;
}

test('Removed key: what was read with it ends at once, in every format, also of answers that go on for others', async () => {
  await using upstream = await startSilent();
  await using relay = await startKeyedRelay(upstream.url);
  const own = await post(`${relay.url}/streams`, question('x'), events);
  const id = own.headers.get('x-stream-id') ?? '';
  const read = (format: string, key: { secret: string }): Promise<Response> =>
    fetch(`${relay.url}/streams/${id}?format=${format}`, { headers: { 'x-api-key': key.secret } });
  const formats = ['messages', 'text', 'ui', 'ndjson', 'log'];
  const asBoss = await Promise.all(formats.map((format) => read(format, boss)));
  for (const response of asBoss.slice(0, 2)) assert.equal(response.status, 200);
  relay.relay.reload({ keys: [ann, bob] });
  const texts = await Promise.all(asBoss.map((response) => response.text()));
  for (const [index, text] of texts.entries()) assert.match(text, /key_removed|any more/, formats[index]);
  assert.equal((await read('messages', boss)).status, 401);
  relay.relay.reload({ keys: [ann, bob, boss] });
  const again = await read('messages', boss);
  await readUntil(own, 'Half');
  await readUntil(again, 'Half');
  assert.deepEqual(relay.errors, []);
});
