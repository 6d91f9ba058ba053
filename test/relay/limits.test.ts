// What the relay says at each of its limits, and that it goes on past them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRelay } from 'millrace/relay';
import { createNodeTransport } from 'millrace/client/node';
import { startRelayServer } from 'millrace/relay/node';
import type { RelayServerOptions } from 'millrace/relay/node';
import { startSimulator } from 'millrace/simulator';
import { MemoryStreamLog } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { askUntilRoom } from '../support/ask-relay.ts';
import { startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { messageStart, sse, textEvents } from '../support/streams.ts';

const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 3));
const json = { 'content-type': 'application/json' };
const events = { ...json, accept: 'text/event-stream' };
const ask = (content: string, more: object = {}) => ({
  messages: [{ role: 'user', content }],
  stream: true,
  ...more,
});

function post(url: string, body: unknown, headers: Record<string, string> = json): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly code: string | undefined;
  readonly retryAfter: string | null;
}

async function refusalOf(response: Response): Promise<Refusal> {
  const { error } = (await response.json()) as { error: { type: string; details?: { code: string } } };
  const { status, headers } = response;
  return { status, type: error.type, code: error.details?.code, retryAfter: headers.get('retry-after') };
}

test('one stream more than maxOpenStreams is a 529 on every route that begins one, and one that ends makes room', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url, { limits: { maxOpenStreams: 2 } });
  const [first, second] = [
    await post(`${relay.url}/streams`, ask('x')),
    await post(`${relay.url}/v1/messages`, ask('x')),
  ];
  assert.deepEqual([first.status, second.status], [202, 200]);
  for (const [path, body] of [
    ['/streams', ask('x')],
    ['/v1/messages', ask('x')],
    ['/chat/stream', { message: 'x' }],
  ] as const) {
    assert.deepEqual(await refusalOf(await post(relay.url + path, body)), {
      status: 529,
      type: 'overloaded_error',
      code: 'too_many_streams',
      retryAfter: '1',
    });
  }
  const { id } = (await first.json()) as { id: string };
  await fetch(`${relay.url}/streams/${id}`, { method: 'DELETE' });
  assert.equal((await post(`${relay.url}/streams`, ask('x'))).status, 202);
});

test('a repeated POST attaches by its Idempotency-Key also where the relay works on as many streams as it may', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url, { limits: { maxOpenStreams: 1 } });
  const askWith = async (key: string) =>
    post(`${relay.url}/streams`, ask('x'), { ...json, 'idempotency-key': key });
  const first = await askWith('a');
  const again = await askWith('a');
  assert.deepEqual([first.status, again.status], [202, 202]);
  assert.deepEqual(await again.json(), await first.json());
  assert.equal((await refusalOf(await askWith('b'))).code, 'too_many_streams');
  assert.equal(upstream.requests.length, 1);
});

test('one reader more than maxReaders or maxReadersPerStream is a 429, and one that leaves makes room', async () => {
  for (const limits of [{ maxReaders: 2 }, { maxReadersPerStream: 2 }]) {
    await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
    await using relay = await startTestRelay(upstream.url, { limits });
    const { id } = (await (await post(`${relay.url}/streams`, ask('x'))).json()) as { id: string };
    const follow = () => fetch(`${relay.url}/streams/${id}`, { headers: events });
    const readers = [await follow(), await follow()].map(({ body }) => body!.getReader());
    for (const reader of readers) await reader.read();
    assert.deepEqual(await refusalOf(await follow()), {
      status: 429,
      type: 'rate_limit_error',
      code: 'too_many_readers',
      retryAfter: '1',
    });
    assert.equal(
      (await fetch(`${relay.url}/streams/${id}`)).status,
      200,
      'who asks how it stands reads nothing',
    );
    const other = await post(`${relay.url}/v1/messages`, ask('x'));
    assert.equal(other.status, 'maxReaders' in limits ? 429 : 200, 'a new stream is read as well');
    await other.body?.cancel();
    await readers[0]?.cancel();
    assert.equal((await askUntilRoom(follow)).status, 200);
  }
});

test('a body longer than maxApiBodyBytes or maxPageBodyBytes is a 413', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9', {
    limits: { maxApiBodyBytes: 2000, maxPageBodyBytes: 1000 },
  });
  for (const [path, length, status] of [
    ['/v1/messages', 2100, 413],
    ['/v1/messages', 1500, 502],
    ['/v1/messages/count_tokens', 2100, 413],
    ['/streams', 1500, 413],
    ['/chat/stream', 1500, 413],
  ] as const) {
    const refusal = await refusalOf(await post(relay.url + path, ask('x'.repeat(length - 100))));
    assert.equal(refusal.status, status, `${path} ${length}`);
    if (status === 413)
      assert.deepEqual([refusal.type, refusal.code], ['request_too_large', 'request_too_large']);
  }
});

test('one log more than the store may hold is a 529 while all are open, and one that ends makes room', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(''), then: 'hold' }));
  for (const limits of [{ maxStreams: 1 }, { maxTotalBytes: 2000 }]) {
    await using relay = await startTestRelay(upstream.url, { log: new MemoryStreamLog(limits) });
    const start = () => post(`${relay.url}/streams`, ask('x'.repeat(900)));
    const { id } = (await (await start()).json()) as { id: string };
    assert.deepEqual(await refusalOf(await start()), {
      status: 529,
      type: 'overloaded_error',
      code: 'store_full',
      retryAfter: '1',
    });
    await (await post(`${relay.url}/streams/${id}/stop`, {})).text();
    assert.equal((await start()).status, 202);
  }
});

/** A relay's server with limits of its own, and what it says to these bytes. */
async function withServer(
  options: Partial<RelayServerOptions>,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const relay = createRelay({
    upstream: { baseURL: 'http://127.0.0.1:9', transport: createNodeTransport() },
    log: new MemoryStreamLog(),
    settings: { simulated: true, version: '0.0.0', model: 'm', maxTokens: 1 },
  });
  await using server = await startRelayServer(relay, { port: 0, ...options });
  await use(server.port);
}

/** Everything the server says until it closes the connection. */
async function answerTo(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

const head = (more: string) => `GET /healthz HTTP/1.1\r\nhost: localhost\r\n${more}`;

test('headers past maxHeaderBytes are a 431, and what is no request a 400, both in the API’s shape', async () => {
  await withServer({ maxHeaderBytes: 2000 }, async (port) => {
    const long = await answerTo(port, head(`x-long: ${'x'.repeat(3000)}\r\n\r\n`));
    assert.match(long, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
    assert.match(long, /\r\n\r\n\{"type":"error",.*"details":\{"code":"headers_too_large"\}/);
    const nonsense = await answerTo(port, 'nonsense\r\n\r\n');
    assert.match(nonsense, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\{"type":"error",/);
    const smuggled = await answerTo(
      port,
      head('content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
    );
    assert.match(smuggled, /^HTTP\/1\.1 400 /);
    const unexpected = await answerTo(port, head('expect: a miracle\r\nconnection: close\r\n\r\n'));
    assert.match(unexpected, /^HTTP\/1\.1 417 [^]*nosniff[^]*\{"type":"error",/);
    const fine = await answerTo(port, head('connection: close\r\n\r\n'));
    assert.match(fine, /^HTTP\/1\.1 200 /);
  });
});

test('a head that does not come to its end, and a body that does not, are a 408, while others are served', async () => {
  await withServer({ headersTimeoutMs: 200, requestTimeoutMs: 400 }, async (port) => {
    const body =
      'POST /streams HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{';
    const slow = [head('x-slow: '), body].map((bytes) => answerTo(port, bytes));
    const fine = await answerTo(port, head('connection: close\r\n\r\n'));
    assert.match(fine, /^HTTP\/1\.1 200 /);
    for (const answer of await Promise.all(slow)) {
      assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n[^]*"code":"request_timeout"/);
    }
  });
});

test('a client that sends a byte now and then has no more time for it than one that sends none', async () => {
  await withServer({ headersTimeoutMs: 200, requestTimeoutMs: 400 }, async (port) => {
    const begun = [
      head('x-slow: '),
      'POST /streams HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{',
    ];
    for (const bytes of begun) {
      const socket = connect(port, '127.0.0.1');
      let answer = '';
      socket.setEncoding('utf8').on('data', (text: string) => void (answer += text));
      socket.on('error', () => undefined);
      socket.write(bytes);
      const trickle = setInterval(() => socket.write('x'), 5);
      await once(socket, 'close');
      clearInterval(trickle);
      assert.match(answer, /^HTTP\/1\.1 408 /);
    }
  });
});

test('a connection more than maxConnections gets a 503, far more are closed, and one that closes makes room', async () => {
  await withServer({ maxConnections: 2 }, async (port) => {
    const open = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    const refused = await answerTo(port, head('\r\n'));
    assert.match(refused, /^HTTP\/1\.1 503 [^]*"code":"too_many_connections"/);
    const third = connect(port, '127.0.0.1');
    await once(third, 'connect');
    assert.equal(await answerTo(port, head('\r\n')), '', 'closed unheard');
    for (const socket of [...open, third]) socket.destroy();
    let answer = '';
    while (!answer.startsWith('HTTP/1.1 200'))
      answer = await answerTo(port, head('connection: close\r\n\r\n'));
  });
});

test('a store whose file is full ends the stream storage_full, keeps what came, and begins no more: 507', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-full-'));
  try {
    await using upstream = await startSimulator({ speed: 0 });
    const log = SqliteStreamLog.open(join(folder, 'relay.db'), { maxFileBytes: 300_000 });
    await using relay = await startTestRelay(upstream.url, { log });
    const response = await post(`${relay.url}/streams`, ask('long 30000', { max_tokens: 60_000 }), events);
    assert.equal(response.status, 200);
    const text = await response.text();
    assert.match(text, /event: error\ndata: .*"code":"storage_full".*\n\n$/);
    assert.match(text, /event: content_block_delta/, 'what came before is there');
    const refusal = await refusalOf(await post(`${relay.url}/streams`, ask('x'.repeat(1_000_000)), events));
    assert.deepEqual([refusal.status, refusal.code], [507, 'storage_full']);
    assert.match(String(relay.errors[0]), /disk is full/);
    assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an answer is gone when it has been kept for as long as it may', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  let time = 1_000_000;
  const log = new MemoryStreamLog({ keepMs: 1000, now: () => time });
  await using relay = await startTestRelay(upstream.url, { log });
  const response = await post(`${relay.url}/streams`, ask('echo hi'), events);
  await response.text();
  const url = `${relay.url}/streams/${response.headers.get('x-stream-id')}`;
  time += 999;
  assert.equal((await fetch(url)).status, 200);
  time += 1;
  assert.equal((await fetch(url)).status, 404);
});
