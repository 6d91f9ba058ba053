// The relay behind a real nginx with its defaults, which buffers what it passes on unless it is told not to. That
// nothing is held back is shown by cause and effect: upstream says the next event when the reader has the last one.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { createNodeTransport } from 'millrace/client/node';
import { createRelay } from 'millrace/relay';
import type { Relay } from 'millrace/relay';
import { startRelayServer } from 'millrace/relay/node';
import { MemoryStreamLog } from 'millrace/storage';
import { startNginx } from '../support/nginx.ts';
import { nginxSkip } from '../support/requirements.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

interface Upstream extends AsyncDisposable {
  readonly url: string;
  /** The answer under way. */
  readonly answer: Promise<ServerResponse>;
  readonly left: Promise<unknown>;
}

async function startUpstream(): Promise<Upstream> {
  const answer = Promise.withResolvers<ServerResponse>();
  const left = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    request.resume();
    response.once('close', () => left.resolve());
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    answer.resolve(response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: answer.promise,
    left: left.promise,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** A relay in a program that has checked who asks: one without keys refuses whatever comes through a proxy. */
async function startBehindProxy(baseURL: string) {
  const log = new MemoryStreamLog();
  const relay = createRelay({
    upstream: { baseURL, transport: createNodeTransport() },
    log,
    settings: { simulated: false, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 512 },
  });
  const checked: Relay = { ...relay, handle: (request) => relay.handle({ ...request, owner: 'checked' }) };
  return startRelayServer(checked, { port: 0 });
}

const events = [
  messageStart,
  ...textEvents(0, ...Array.from({ length: 40 }, (_, index) => `piece ${index}`)),
  ...messageEnd,
].map((event) => sse(event));
const question = JSON.stringify({ messages: [{ role: 'user', content: 'x' }], stream: true });

const requests = {
  '/v1/messages': { 'accept-encoding': 'identity' },
  '/v1/messages, compressed': { 'accept-encoding': 'gzip' },
  '/streams': { accept: 'text/event-stream', 'accept-encoding': 'identity' },
} as const;

for (const [title, headers] of Object.entries(requests)) {
  const path = title.split(',')[0]!;
  test(
    `nginx with its defaults passes each event of ${title} on when it comes`,
    { skip: nginxSkip() },
    async (t) => {
      await using upstream = await startUpstream();
      await using relay = await startBehindProxy(upstream.url);
      await using nginx = await startNginx(`location / { proxy_pass ${relay.url}; }`);
      const asked = fetch(nginx.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: question,
      });
      const answer = await upstream.answer;
      const delaysMs: number[] = [];
      let seen = '';
      let reader: ReadableStreamDefaultReader<string> | undefined;
      for (const event of events) {
        const written = performance.now();
        answer.write(event);
        reader ??= (await asked).body!.pipeThrough(new TextDecoderStream()).getReader();
        // Here a proxy that held the event back would hold up the test for ever.
        while (!seen.endsWith(event)) seen += (await reader.read()).value ?? assert.fail('it ended');
        delaysMs.push(performance.now() - written);
        // The relay's own last record comes with the last event, and is looked for no more.
        if (event.startsWith('event: message_delta')) break;
      }
      assert.ok(delaysMs.length > 40);
      const sorted = delaysMs.toSorted((a, b) => a - b);
      const at = (share: number) => sorted[Math.floor(sorted.length * share)]!.toFixed(2);
      t.diagnostic(`${title}: from upstream's write to the reader ${at(0.5)} ms p50, ${at(0.95)} ms p95`);
      t.diagnostic(`each in turn: ${delaysMs.map((delayMs) => delayMs.toFixed(1)).join(' ')}`);
      await reader?.cancel();
    },
  );
}

test(
  'a proxy that buffers in spite of the headers holds everything back: the tests above can fail',
  { skip: nginxSkip() },
  async () => {
    await using upstream = await startUpstream();
    await using relay = await startBehindProxy(upstream.url);
    await using nginx = await startNginx(
      `proxy_ignore_headers X-Accel-Buffering; location / { proxy_pass ${relay.url}; }`,
    );
    let came = '';
    let hasEnded = false;
    let isEarly = false;
    const read = async (): Promise<void> => {
      const headers = { 'content-type': 'application/json', 'accept-encoding': 'identity' };
      const { body } = await fetch(`${nginx.url}/v1/messages`, { method: 'POST', headers, body: question });
      for await (const text of body!.pipeThrough(new TextDecoderStream())) {
        isEarly ||= !hasEnded;
        came += text;
      }
    };
    const asked = read();
    const answer = await upstream.answer;
    const said = events.slice(0, 8).join('');
    answer.write(said);
    // Time enough for what is not held back: so many requests go through the same proxy one after the other.
    for (let times = 0; times < 30; times += 1) await (await fetch(`${nginx.url}/healthz`)).text();
    hasEnded = true;
    answer.end(events.slice(8).join(''));
    await asked;
    assert.equal(isEarly, false);
    assert.equal(came, events.join(''));
  },
);

test('a reader who leaves nginx closes the upstream call', { skip: nginxSkip() }, async () => {
  await using upstream = await startUpstream();
  await using relay = await startBehindProxy(upstream.url);
  await using nginx = await startNginx(`location / { proxy_pass ${relay.url}; }`);
  const leaving = new AbortController();
  const asked = fetch(`${nginx.url}/v1/messages`, { method: 'POST', body: question, signal: leaving.signal });
  asked.catch(() => undefined);
  await upstream.answer;
  leaving.abort();
  await upstream.left;
});

test(
  'a relay without keys refuses what comes through nginx, with its defaults and without',
  { skip: nginxSkip() },
  async () => {
    const log = new MemoryStreamLog();
    await using relay = await startRelayServer(
      createRelay({
        upstream: { baseURL: 'http://127.0.0.1:9', transport: createNodeTransport() },
        log,
        settings: { simulated: false, version: '0.0.0', model: 'm', maxTokens: 1 },
      }),
      { port: 0 },
    );
    for (const settings of ['', 'proxy_http_version 1.1; proxy_set_header X-Forwarded-For $remote_addr;']) {
      await using nginx = await startNginx(`location / { ${settings} proxy_pass ${relay.url}; }`);
      const response = await fetch(`${nginx.url}/healthz`);
      assert.equal(response.status, 403);
      assert.match(await response.text(), /A proxy stands in front/);
    }
  },
);
