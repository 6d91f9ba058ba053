// HTTPS through a proxy: what holds while its tunnel is opening, when the request has no connection of its own yet.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { createNodeTransport, Millrace } from 'millrace/client/node';

const url = 'https://api.example/';
const tunnelStands = 'HTTP/1.1 200 Connection Established\r\n\r\n';

test('createNodeTransport() gives up on a proxy that never answers CONNECT, and closes the connection', async () => {
  await using proxy = await startProxy('');
  const response = proxy.transport({ method: 'GET', url, headers: {}, connectMs: 20 });
  await assert.rejects(response, { name: 'TimeoutError', code: 'connect_timeout', limitMs: 20 });
  await proxy.closed;
});

test('createNodeTransport() gives up on a tunnel in which TLS never comes to stand, and closes it', async () => {
  await using proxy = await startProxy(tunnelStands);
  const response = proxy.transport({ method: 'GET', url, headers: {}, connectMs: 50 });
  await assert.rejects(response, { name: 'TimeoutError', code: 'connect_timeout', limitMs: 50 });
  await proxy.closed;
});

for (const [where, answer] of [
  ['to CONNECT', ''],
  ['within the tunnel', tunnelStands],
] as const) {
  test(`createNodeTransport(): an abort ends the wait for a proxy that says nothing ${where}`, async () => {
    await using proxy = await startProxy(answer);
    const controller = new AbortController();
    const response = proxy.transport({ method: 'GET', url, headers: {}, signal: controller.signal });
    assert.equal(await proxy.asked, 'CONNECT api.example:443 HTTP/1.1');
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(response, reason);
    await proxy.closed;
  });
}

test('createNodeTransport(): a proxy that refuses the tunnel is a ConnectionError that says so', async () => {
  await using proxy = await startProxy('HTTP/1.1 403 Forbidden\r\n\r\n');
  const response = proxy.transport({ method: 'GET', url, headers: {}, connectMs: 10_000 });
  await assert.rejects(response, { name: 'ConnectionError', phase: 'connect', message: /403 Forbidden/ });
  await proxy.closed;
});

for (const [limit, code] of [
  ['headersMs', 'headers_timeout'],
  ['totalMs', 'total_timeout'],
] as const) {
  test(`Millrace of the Node door: ${limit} holds while a tunnel is opening`, async () => {
    await using proxy = await startProxy('');
    const { transport } = proxy;
    const client = new Millrace({ apiKey: 'k', baseURL: url, transport, retry: { maxRetries: 0 } });
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    const stream = client.messages.stream(
      { model: 'claude-sonnet-5', max_tokens: 1, messages },
      { timeouts: { connectMs: Infinity, [limit]: 20 } },
    );
    await assert.rejects(stream.done(), { name: 'TimeoutError', code });
    assert.equal(stream.ending?.type, 'stalled');
    await proxy.closed;
  });
}

interface TunnelProxy extends AsyncDisposable {
  readonly transport: ReturnType<typeof createNodeTransport>;
  /** The first line of what the first connection asked for. */
  readonly asked: Promise<string>;
  /** Resolves when the first connection is closed from the other side. */
  readonly closed: Promise<void>;
}

/** A proxy that answers the first bytes of a connection with this, and nothing after them. */
async function startProxy(answer: string): Promise<TunnelProxy> {
  const sockets = new Set<Socket>();
  const asked = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).once('close', () => closed.resolve()));
    socket.once('data', (bytes) => {
      asked.resolve(bytes.toString('latin1').split('\r\n')[0] ?? '');
      if (answer !== '') socket.write(answer);
      socket.resume();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    transport: createNodeTransport({ env: { HTTPS_PROXY: `http://127.0.0.1:${port}` } }),
    asked: asked.promise,
    closed: closed.promise,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}
