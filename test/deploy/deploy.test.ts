// The samples in deploy/, with the real programs they are for.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AddressInfo } from 'node:net';
import { createNodeTransport } from 'millrace/client/node';
import { createRelay } from 'millrace/relay';
import type { Relay } from 'millrace/relay';
import { startRelayServer } from 'millrace/relay/node';
import { MemoryStreamLog } from 'millrace/storage';
import { startNginxWith } from '../support/nginx.ts';
import { nginxSkip, systemdAnalyze, systemdSkip } from '../support/requirements.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

const folder = join(import.meta.dirname, '../../deploy');
const sample = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** The sample with another address to listen on and to ask, and without TLS, whose files are not here. */
function nginxSample(address: string, relayPort: number): string {
  const changed = sample('nginx.conf')
    .replace('listen 443 ssl http2;', `listen ${address};`)
    .replaceAll(/^ *ssl_certificate.*\n/gm, '')
    .replace('server 127.0.0.1:8787;', `server 127.0.0.1:${relayPort};`);
  assert.doesNotMatch(changed, /ssl|8787/);
  return changed;
}

test(
  'deploy/nginx.conf passes each event on when it comes, and /metrics to nobody',
  { skip: nginxSkip() },
  async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const upstream = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      asked.resolve(response);
    });
    await new Promise<void>((resolve) => {
      upstream.listen(0, '127.0.0.1', resolve);
    });
    const baseURL = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const seen: string[] = [];
    const relay = createRelay({
      upstream: { baseURL, transport: createNodeTransport() },
      log: new MemoryStreamLog(),
      settings: { simulated: false, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 512 },
      metricsPage: async () => ({ contentType: 'text/plain', text: 'a 1\n' }),
    });
    const checked: Relay = {
      ...relay,
      handle: (request) => {
        seen.push(`${request.httpVersion} ${request.headers.get('host') ?? ''}`);
        return relay.handle({ ...request, owner: 'checked' });
      },
    };
    await using server = await startRelayServer(checked, { port: 0 });
    await using nginx = await startNginxWith((address) => nginxSample(address, server.port));
    const response = fetch(`${nginx.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'x' }], stream: true }),
    });
    const answer = await asked.promise;
    const pieces = Array.from({ length: 20 }, (_, index) => `piece ${index}`);
    let text = '';
    let reader: ReadableStreamDefaultReader<string> | undefined;
    for (const event of [messageStart, ...textEvents(0, ...pieces)].map((each) => sse(each))) {
      answer.write(event);
      reader ??= (await response).body!.pipeThrough(new TextDecoderStream()).getReader();
      // A proxy that held the event back would hold up the test for ever.
      while (!text.endsWith(event)) text += (await reader.read()).value ?? assert.fail('it ended');
    }
    answer.end(messageEnd.map((each) => sse(each)).join(''));
    await reader?.cancel();
    assert.equal((await fetch(`${nginx.url}/metrics`)).status, 403);
    assert.ok(
      seen.every((line) => line === '1.1 127.0.0.1'),
      seen.join(),
    );
    upstream.closeAllConnections();
    await new Promise((resolve) => {
      upstream.close(resolve);
    });
  },
);

test('deploy/millrace.service is a unit that systemd takes', { skip: systemdSkip() }, () => {
  const there = mkdtempSync(join(tmpdir(), 'millrace-unit-'));
  try {
    const file = join(there, 'millrace.service');
    writeFileSync(file, sample('millrace.service').replace('/usr/bin/millrace', process.execPath));
    const { status, stderr } = spawnSync(systemdAnalyze, ['verify', file], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    writeFileSync(file, sample('millrace.service').replace('Type=exec', 'Type=none'));
    assert.notEqual(spawnSync(systemdAnalyze, ['verify', file], { encoding: 'utf8' }).stderr, '');
  } finally {
    rmSync(there, { recursive: true });
  }
});
