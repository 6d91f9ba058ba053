import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startTestRelay } from '../support/relay.ts';

/** The status of a request with these headers; fetch would not let a test set them. */
function statusOf(
  url: string,
  headers: Record<string, string>,
  { path = '/healthz', method = 'GET' } = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers, path, method }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('the relay serves names of loopback, its own pages and programs', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9');
  const { port } = relay.server;
  for (const headers of [
    {},
    { host: `localhost:${port}` },
    { host: `LOCALHOST:${port}` },
    { host: `[::1]:${port}` },
    { origin: relay.url },
    { origin: `http://localhost:${port}`, host: `localhost:${port}` },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-site', origin: relay.url },
  ]) {
    assert.equal(await statusOf(relay.url, headers as Record<string, string>), 200, JSON.stringify(headers));
  }
});

test('the relay refuses foreign names, pages of other sites and forwarded requests', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9');
  for (const headers of [
    { host: 'evil.example' },
    { host: '127.0.0.1.evil.example' },
    { host: 'localhost.evil.example:80' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: relay.url.replace('http:', 'https:') },
    { origin: `${relay.url}0` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'x-forwarded-for': '10.0.0.1' },
    { forwarded: 'for=10.0.0.1' },
    { 'x-forwarded-host': 'a' },
    { 'x-forwarded-server': 'a' },
    { 'X-Forwarded-Anything': 'a' },
    { 'x-real-ip': '10.0.0.1' },
    { 'cf-connecting-ip': '10.0.0.1' },
    { 'true-client-ip': '10.0.0.1' },
    { 'x-original-host': 'a' },
    { via: '1.1 proxy' },
  ]) {
    assert.equal(await statusOf(relay.url, headers as Record<string, string>), 403, JSON.stringify(headers));
  }
});

test('a link on another site leads to the page, and to nothing else', async () => {
  const page = new Map([['/index.html', { contentType: 'text/html', body: new Uint8Array() }]]);
  await using relay = await startTestRelay('http://127.0.0.1:9', { assets: page });
  for (const site of ['cross-site', 'same-site']) {
    const link = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    assert.equal(await statusOf(relay.url, link, { path: '/' }), 200);
    assert.equal(await statusOf(relay.url, link, { path: '/?a=b' }), 200);
    for (const [headers, options] of [
      [link, { path: '/relay.json' }],
      [link, { path: '/v1/models' }],
      [link, { path: '/', method: 'POST' }],
      [{ ...link, 'sec-fetch-dest': 'iframe' }, { path: '/' }],
      [{ ...link, 'sec-fetch-mode': 'no-cors' }, { path: '/' }],
    ] as const) {
      assert.equal(await statusOf(relay.url, headers, options), 403, JSON.stringify([headers, options]));
    }
  }
});

test('the relay refuses HTTP/1.0, as a proxy in front would send it', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9');
  const socket = connect(relay.server.port, '127.0.0.1');
  socket.write('GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 403 /);
});
