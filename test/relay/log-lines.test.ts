// What the relay tells an operator's log: enough to see what happens, and nothing of what is said.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFetchHandler } from 'millrace/relay';
import type { LogLine, RequestLine, StreamLine } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';
import { startSimulator } from 'millrace/simulator';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawAnswer } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const canary = 'canary-0123456789';
const json = { 'content-type': 'application/json' };
const ask = (content: string) => ({ messages: [{ role: 'user', content }], stream: true });

/** Sends canaries wherever a client can put something. */
function asked(path: string, method: string, body?: unknown): [string, RequestInit] {
  const headers = {
    ...json,
    'anthropic-version': '2023-06-01',
    'x-api-key': `sk-ant-${canary}`,
    authorization: `Bearer ${canary}`,
    cookie: `session=${canary}`,
    'idempotency-key': `${canary} ${method}${path}`,
    'user-agent': canary,
    'x-secret': canary,
  };
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  return [`${path}${path.includes('?') ? '&' : '?'}token=${canary}`, { method, headers, ...init }];
}

test('the relay tells of every response its route, status, stream, time and bytes, and nothing that was said', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  const lines: LogLine[] = [];
  await using relay = await startTestRelay(upstream.url, { onLog: (line) => lines.push(line) });
  const started = await fetch(`${relay.url}/streams`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify(ask('echo hi')),
  });
  const { id } = (await started.json()) as { id: string };
  await (await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } })).text();
  const cases: [path: string, method: string, body: unknown, route: string, status: number][] = [
    [
      '/v1/messages',
      'POST',
      { ...ask(canary), model: 'claude-sonnet-5', max_tokens: 9 },
      '/v1/messages',
      200,
    ],
    ['/v1/messages', 'POST', { ...ask(canary), model: canary }, '/v1/messages', 400],
    [`/v1/models/${canary}`, 'GET', undefined, '/v1/models', 404],
    ['/streams', 'POST', ask(canary), '/streams', 202],
    ['/streams', 'POST', { [canary]: 1 }, '/streams', 400],
    ['/chat/stream', 'POST', { message: canary, system: canary }, '/chat/stream', 200],
    [`/streams/${id}?format=${canary}`, 'GET', undefined, '/streams/:id', 400],
    [`/streams/${canary}`, 'GET', undefined, '/streams/:id', 404],
    [`/streams/${canary}/stop`, 'POST', undefined, '/streams/:id/stop', 404],
    [`/streams/${id}`, 'DELETE', undefined, '/streams/:id', 204],
    [`/${canary}`, 'GET', undefined, 'none', 404],
    ['/v1/messages', 'OPTIONS', undefined, '/v1/messages', 405],
    ['/healthz', 'GET', undefined, '/healthz', 200],
  ];
  for (const [path, method, body, route, status] of cases) {
    const before = lines.filter(({ type }) => type === 'request').length;
    const [target, init] = asked(path, method, body);
    await (await fetch(relay.url + target, init)).text();
    await turnsUntil(() => lines.filter(({ type }) => type === 'request').length > before);
    const line = lines.findLast((each): each is RequestLine => each.type === 'request');
    assert.deepEqual([line?.route, line?.method, line?.status, line?.left], [route, method, status, false]);
    assert.ok(Number.isInteger(line?.bytes) && line!.bytes > 0, 'the head at least');
    assert.ok(line!.durationMs >= 0);
  }
  const ofStreams = () => lines.filter((line): line is StreamLine => line.type === 'stream');
  await turnsUntil(() => ofStreams().length === 5);
  const streams = ofStreams();
  const endings = streams.map(({ ending, code = '' }) => `${ending} ${code}`);
  assert.equal(endings.filter((ending) => ending === 'complete ').length, 4);
  assert.ok(endings.includes('failed invalid_request_error'), String(endings));
  assert.equal(streams[0]?.streamId, id);
  assert.ok(streams[0].entries > 5);
  assert.doesNotMatch(JSON.stringify(lines), /canary/);
});

test('a client that leaves, and an upstream error of a strange type, are told without its words', async () => {
  const error = { type: `Strange ${canary}`, message: canary };
  const broken = sse(messageStart, { type: 'error', error } as never);
  const lines: LogLine[] = [];
  let bytes = streamResponse(broken);
  await using upstream = await startRawServer(() => ({ bytes, then: 'hold' }));
  await using relay = await startTestRelay(upstream.url, { onLog: (line) => lines.push(line) });
  const ending = () => lines.findLast((line): line is StreamLine => line.type === 'stream');
  const [target, init] = asked('/v1/messages', 'POST', ask('x'));
  await (await fetch(relay.url + target, init)).text();
  await turnsUntil(() => ending() !== undefined);
  assert.deepEqual([ending()?.ending, ending()?.code], ['failed', 'other']);
  bytes = streamResponse(sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2)));
  const reader = (await fetch(relay.url + target, init)).body!.getReader();
  await reader.read();
  await reader.cancel();
  await turnsUntil(() => ending()?.ending === 'stopped');
  await turnsUntil(() => lines.some((line) => line.type === 'request' && line.left));
  assert.doesNotMatch(JSON.stringify(lines), /canary/);
});

const begun = sse(messageStart, ...textEvents(0, 'The wheel ', 'turns').slice(0, -1));
const rest = sse(messageStart, ...textEvents(0, ' on.'), ...messageEnd);
const whole = (text: string): RawAnswer => ({ bytes: streamResponse(text) + cleanEnd, then: 'hold' });

test('a break that no reader gets to see is told with what was done, and is no error', async () => {
  const strange = JSON.stringify({ type: 'error', error: { type: `Strange ${canary}`, message: canary } });
  const refusal: RawAnswer = {
    bytes: `HTTP/1.1 500 No\r\ncontent-type: application/json\r\nx-should-retry: true\r\ncontent-length: ${strange.length}\r\n\r\n${strange}`,
    then: 'hold',
  };
  const cut: RawAnswer = { bytes: streamResponse(begun), then: 'rst' };
  const ended = sse(messageStart, ...textEvents(0, 'Hello'), ...messageEnd.slice(0, 1));
  for (const [answers, told] of [
    [[cut, whole(rest)], [{ attempt: 1, code: 'connection_failed', action: 'recovery' }]],
    [
      [refusal, whole(begun), refusal, whole(rest)],
      [
        { attempt: 1, code: 'other', action: 'retry' },
        { attempt: 2, code: 'truncated', action: 'recovery' },
        { attempt: 3, code: 'other', action: 'retry' },
      ],
    ],
    [[whole(ended)], [{ attempt: 1, code: 'truncated', action: 'end' }]],
  ] as const) {
    const lines: LogLine[] = [];
    let asked = 0;
    await using upstream = await startRawServer(() => answers[asked++]!);
    await using relay = await startTestRelay(upstream.url, {
      onLog: (line) => lines.push(line),
      calls: { retry: { maxDelayMs: 0 } },
    });
    const [target, init] = askedToRead('/streams');
    const response = await fetch(relay.url + target, init);
    assert.match(await response.text(), /message_stop/);
    const streamId = response.headers.get('x-stream-id');
    assert.deepEqual(
      lines.filter(({ type }) => type === 'break'),
      told.map(({ attempt, code, action }) => ({ type: 'break', streamId, attempt, code, action })),
    );
    assert.deepEqual(relay.errors, []);
    assert.doesNotMatch(JSON.stringify(lines), /canary/);
  }
});

test('a break that a reader gets to see is an error, unless it is upstream’s own word', async () => {
  const event = sse({ type: 'error', error: { type: 'invalid_request_error', message: canary } });
  for (const [answer, told] of [
    [whole(begun), ['truncated']],
    [whole(begun + event), []],
    [{ bytes: 'nonsense\r\n\r\n', then: 'fin' }, ['connection_failed']],
  ] as const) {
    const lines: LogLine[] = [];
    await using upstream = await startRawServer(() => answer);
    await using relay = await startTestRelay(upstream.url, {
      onLog: (line) => lines.push(line),
      calls: { retry: { maxRetries: 0 }, recover: false },
    });
    const [target, init] = askedToRead('/streams');
    await (await fetch(relay.url + target, init)).text();
    assert.deepEqual(
      relay.errors.map((error) => (error as { code: string }).code),
      told,
    );
    assert.ok(!lines.some(({ type }) => type === 'break'));
    assert.doesNotMatch(JSON.stringify(lines), /canary/);
  }
});

/** Asks for a stream and reads it. */
function askedToRead(path: string): [string, RequestInit] {
  const [target, init] = asked(path, 'POST', ask('x'));
  const headers = new Headers(init.headers);
  headers.set('accept', 'text/event-stream');
  return [target, { ...init, headers }];
}

test('a log that fails fails no answer', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url, {
    onLog: () => {
      throw new Error('the log is full');
    },
  });
  for (let times = 0; times < 2; times += 1) {
    const response = await fetch(`${relay.url}/chat/stream`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ message: 'echo hi' }),
    });
    assert.match(await response.text(), /event: done/);
  }
  await turnsUntil(() => relay.errors.length > 1);
  assert.match(String(relay.errors[0]), /the log is full/);
});

test('the fetch handler tells the same, with the bytes of the body, and of methods only those that are known', async () => {
  const lines: LogLine[] = [];
  await using relay = await startTestRelay('http://127.0.0.1:9', {
    log: new MemoryStreamLog(),
    onLog: (line) => lines.push(line),
  });
  const handler = createFetchHandler(relay.relay);
  const response = await handler(new Request('http://localhost/healthz', { method: canary }));
  const text = await response.text();
  const [line] = lines as RequestLine[];
  assert.deepEqual([line?.method, line?.status, line?.bytes], ['OTHER', 405, Buffer.byteLength(text)]);
});
