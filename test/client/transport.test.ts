import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createFetchTransport, readText } from 'millrace/client';
import { createNodeTransport } from 'millrace/client/node';
import { testTransport } from '../contract/transport.ts';

testTransport('createFetchTransport()', () => createFetchTransport());
testTransport('createNodeTransport()', () => createNodeTransport({ env: {} }));

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
