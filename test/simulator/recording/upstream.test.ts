// The way to the upstream: over TLS, and through the proxies of the environment. The certificate is for these tests
// alone; nobody else trusts it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { createSimulator, startRecorder, startSimulator } from '../../../src/simulator/index.ts';
import type { RecordedExchange, Simulator } from '../../../src/simulator/index.ts';
import { post, toBody } from '../ask.ts';
import { openTestFolder } from './record.ts';

const pem = readFileSync(new URL('../../fixtures/simulator/tls-for-tests.pem', import.meta.url), 'utf8');
setDefaultCACertificates([...getCACertificates(), pem]);

const body = toBody('markdown', { stream: true });

interface Listening extends AsyncDisposable {
  readonly port: number;
}

async function listening(server: Server): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Hands a request on to the simulator as one for it. */
function passTo({ port }: Simulator): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    const headers = { ...request.headers, host: `127.0.0.1:${port}` };
    const path = (request.url ?? '').replace(/^http:\/\/[^/]*/, '');
    const passed = httpRequest(
      { port, host: '127.0.0.1', path, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(passed);
  };
}

/** The answer through a recorder with the upstream and environment given, and what was recorded of it. */
async function askThrough(
  upstream: string,
  env: NodeJS.ProcessEnv,
): Promise<{ answer: string; stored: string; exchange: RecordedExchange }> {
  await using folder = await openTestFolder();
  const recorded = Promise.withResolvers<RecordedExchange>();
  await using recorder = await startRecorder({
    upstream,
    out: folder.path,
    env,
    onExchange: recorded.resolve,
    onError: recorded.reject,
  });
  const response = await post(recorder as Simulator, body, { 'accept-encoding': 'identity' });
  const answer = await response.text();
  const exchange = await recorded.promise;
  const stored = exchange.status === 200 ? (await folder.read('0001-messages.sse')).toString() : '';
  return { answer, stored, exchange };
}

/** What the simulator answers to its first request. */
async function wanted(): Promise<string> {
  await using simulator = createSimulator({ speed: 0 });
  const headers = { 'anthropic-version': '2026-10-21' };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await simulator.fetch('http://localhost/v1/messages', init);
  const text = await response.text();
  return text;
}

/** A proxy that says what it was asked for; tunnels lead to `port` whatever their name. */
async function startProxy(
  simulator: Simulator,
  port: number,
): Promise<Listening & { readonly asked: string[] }> {
  const asked: string[] = [];
  const forward = passTo(simulator);
  const server = createHttpServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    forward(request, response);
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    const tunnel = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      tunnel.pipe(socket).pipe(tunnel);
    });
    for (const end of [tunnel, socket]) end.on('error', () => tunnel.destroy());
    socket.on('close', () => tunnel.destroy());
  });
  return Object.assign(await listening(server), { asked });
}

describe('startRecorder({ upstream })', () => {
  test('over TLS gives and records the same bytes', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using secure = await listening(createHttpsServer({ key: pem, cert: pem }, passTo(simulator)));
    const { answer, stored, exchange } = await askThrough(`https://localhost:${secure.port}`, {});
    assert.equal(answer, await wanted());
    assert.equal(stored, answer);
    assert.equal(exchange.ended, 'complete');
  });

  test('over TLS passes nothing on to who has a certificate for another name', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using secure = await listening(createHttpsServer({ key: pem, cert: pem }, passTo(simulator)));
    await using proxy = await startProxy(simulator, secure.port);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    const { answer, exchange } = await askThrough('https://other.millrace.test', env);
    assert.match(answer, /ERR_TLS_CERT_ALTNAME_INVALID/);
    assert.equal(exchange.ended, 'unreachable');
    assert.equal(simulator.requests.length, 0);
  });

  test('over TLS goes through HTTPS_PROXY, and around it to whom NO_PROXY names', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using secure = await listening(createHttpsServer({ key: pem, cert: pem }, passTo(simulator)));
    await using proxy = await startProxy(simulator, secure.port);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: 'localhost' };
    const { answer, stored } = await askThrough('https://api.millrace.test', env);
    assert.equal(answer, await wanted());
    assert.equal(stored, answer);
    assert.deepEqual(proxy.asked, ['CONNECT api.millrace.test:443']);
    assert.equal((await askThrough(`https://localhost:${secure.port}`, env)).exchange.status, 200);
    assert.equal(proxy.asked.length, 1);
  });

  test('without TLS goes through HTTP_PROXY', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using proxy = await startProxy(simulator, 0);
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
    const { answer } = await askThrough('http://api.millrace.test/base', env);
    assert.deepEqual(proxy.asked, ['POST http://api.millrace.test/base/v1/messages']);
    // The simulator has no such path; what it said came back.
    assert.match(answer, /"not_found_error"/);
  });

  test('that no proxy reaches is answered with 502', async () => {
    const closed = await listening(createHttpServer());
    const { port } = closed;
    await closed[Symbol.asyncDispose]();
    const { exchange } = await askThrough('https://api.millrace.test', {
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
    });
    assert.equal(exchange.ended, 'unreachable');
  });
});
