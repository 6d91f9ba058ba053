import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createFetchTransport, Millrace as PortableMillrace, readText, releaseBody } from 'millrace/client';
import type { TimeoutError } from 'millrace/client';
import { createNodeTransport, Millrace } from 'millrace/client/node';
import { testTransport } from '../contract/transport.ts';
import { IdleClock } from '../support/idle-clock.ts';
import { cleanEnd, startRawServer } from '../support/raw-server.ts';
import { turnsUntil } from '../support/turns.ts';

testTransport('createFetchTransport()', () => createFetchTransport());
testTransport('createNodeTransport()', () => createNodeTransport({ env: {} }));

test('a fetch that does not heed its signal holds nobody up, and what it comes to is let go of', async () => {
  let isLetGo = (): void => undefined;
  const letGo = new Promise<void>((resolve) => {
    isLetGo = resolve;
  });
  const answered = Promise.withResolvers<Response>();
  const transport = createFetchTransport(() => answered.promise);
  const controller = new AbortController();
  const sent = transport({
    method: 'GET',
    url: 'http://api.example/',
    headers: {},
    signal: controller.signal,
  });
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(sent, reason);
  answered.resolve(new Response(new ReadableStream({ cancel: isLetGo })));
  await letGo;
});

test('a client whose fetch never settles keeps its limits of time and can be aborted', async () => {
  const never = new Promise<Response>(() => undefined);
  const clock = new IdleClock();
  const client = new PortableMillrace({ apiKey: 'k', fetch: () => never, retry: { maxRetries: 0 }, clock });
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const ask = (timeouts: object): Promise<unknown> =>
    clock.until(client.messages.stream({ model: 'm', max_tokens: 1, messages }, { timeouts }).done(), 5000);
  await assert.rejects(ask({ headersMs: 5000 }), { code: 'headers_timeout' });
  await assert.rejects(ask({ totalMs: 5000 }), { code: 'total_timeout' });
  const controller = new AbortController();
  const create = client.messages.create(
    { model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] },
    { signal: controller.signal },
  );
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(create, reason);
});

test('createFetchTransport(): a body that does not let go holds up nobody who cancels it', async () => {
  const body = new ReadableStream({ cancel: () => new Promise<void>(() => undefined) });
  const transport = createFetchTransport(() => Promise.resolve(new Response(body)));
  const response = await transport({ method: 'GET', url: 'http://api.example/', headers: {} });
  assert.equal(await response.body.cancel(), undefined);
});

test('releaseBody() waits a tenth of a second for an end that does not come', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let isCancelled = false;
  const cancel = async (): Promise<void> => {
    isCancelled = true;
    resolve(undefined);
  };
  const released = releaseBody({ read: () => promise, cancel });
  t.mock.timers.tick(99);
  assert.equal(isCancelled, false);
  t.mock.timers.tick(1);
  assert.equal(isCancelled, true);
  await released;
});

test('createNodeTransport() goes through the proxy of the environment', async () => {
  const seen: (string | undefined)[] = [];
  const proxy = createServer((request, response) => {
    seen.push(request.url);
    response.end('by proxy');
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const transport = createNodeTransport({ env: { HTTP_PROXY: address, NO_PROXY: 'localhost' } });
  const { body } = await transport({ method: 'GET', url: 'http://api.example/v1/models', headers: {} });
  assert.equal(await readText(body, 100), 'by proxy');
  assert.deepEqual(seen, ['http://api.example/v1/models']);
  proxy.closeAllConnections();
  proxy.close();
});

test('Millrace of the Node door goes through the proxy of the environment', async (t) => {
  const seen: (string | undefined)[] = [];
  const proxy = createServer((request, response) => {
    seen.push(request.url);
    response.setHeader('content-type', 'application/json').end('{"input_tokens":7}');
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const saved = { ...process.env };
  t.after(() => {
    process.env = saved;
    proxy.closeAllConnections();
    proxy.close();
  });
  process.env['HTTP_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const client = new Millrace({ apiKey: 'k', baseURL: 'http://api.example' });
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  assert.deepEqual(await client.messages.countTokens({ model: 'm', messages }), { input_tokens: 7 });
  assert.deepEqual(seen, ['http://api.example/v1/messages/count_tokens']);
  assert.ok(client instanceof PortableMillrace);
});

test('createNodeTransport() gives what has come since the last read in one piece', async () => {
  const text = 'abc'.repeat(1000);
  const chunks = '3\r\nabc\r\n'.repeat(1000);
  const bytes = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}${cleanEnd}`;
  await using server = await startRawServer(() => ({ bytes, then: 'fin' }));
  const { body } = await createNodeTransport({ env: {} })({ method: 'GET', url: server.url, headers: {} });
  const read: string[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read())
    read.push(Buffer.from(piece).toString());
  assert.equal(read.join(''), text);
  assert.ok(read.length < text.length / 100, `${read.length} reads`);
});

test('createNodeTransport() gives up on a connection that never comes to stand, and says after how long', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  // It takes the connection, and says nothing that TLS could begin with.
  await using server = await startSilentServer();
  const transport = createNodeTransport({ env: {} });
  const url = server.url.replace('http:', 'https:');
  const given = transport({ method: 'GET', url, headers: {}, connectMs: 10_000 }).catch((error) => error);
  await turnsUntil(() => server.connections > 0);
  t.mock.timers.tick(9999);
  assert.equal(await Promise.race([given, nextTurn('waits')]), 'waits');
  t.mock.timers.tick(1);
  const { name, code, limitMs } = (await given) as TimeoutError;
  assert.deepEqual([name, code, limitMs], ['TimeoutError', 'connect_timeout', 10_000]);
});

test('createNodeTransport() limits connecting alone: a response may take longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const later = Promise.withResolvers<string>();
  await using server = await startRawServer(() => ({ bytes: '', then: 'hold', later: later.promise }));
  const transport = createNodeTransport({ env: {} });
  const response = transport({ method: 'GET', url: server.url, headers: {}, connectMs: 20 });
  await turnsUntil(() => server.requests.length > 0);
  t.mock.timers.tick(1000);
  later.resolve('HTTP/1.1 204 No Content\r\n\r\n');
  assert.equal((await response).status, 204);
});

interface SilentServer extends AsyncDisposable {
  readonly url: string;
  /** How many have come. */
  readonly connections: number;
}

async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return sockets.size;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
