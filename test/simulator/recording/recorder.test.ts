import assert from 'node:assert/strict';
import { rm, stat } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { SimulatorError, startRecorder, startSimulator } from '../../../src/simulator/index.ts';
import type { RecordedExchange, Recorder, RecorderOptions } from '../../../src/simulator/index.ts';
import { post, toBody } from '../ask.ts';
import { startRawServer, streamResponse } from '../../support/raw-server.ts';
import { openTestFolder } from './record.ts';
import type { Folder } from './record.ts';

interface Recording extends AsyncDisposable {
  readonly recorder: Recorder;
  readonly folder: Folder;
  readonly errors: SimulatorError[];
  /** The next exchange that ends. */
  next(): Promise<RecordedExchange>;
}

async function record(upstream: string, options: Partial<RecorderOptions> = {}): Promise<Recording> {
  const folder = await openTestFolder();
  const exchanges: RecordedExchange[] = [];
  const errors: SimulatorError[] = [];
  let onExchange = (): void => undefined;
  const recorder = await startRecorder({
    upstream,
    out: folder.path,
    onExchange: (exchange) => {
      exchanges.push(exchange);
      onExchange();
    },
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    recorder,
    folder,
    errors,
    next: async () => {
      if (exchanges.length === 0) {
        await new Promise<void>((resolve) => {
          onExchange = resolve;
        });
      }
      return exchanges.shift()!;
    },
    [Symbol.asyncDispose]: async () => {
      await recorder.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function startUpstream(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Everything in the folder, names included. */
async function everythingIn(folder: Folder): Promise<string> {
  const files = await folder.files();
  const texts = await Promise.all(files.map(async (file) => (await folder.read(file)).toString('latin1')));
  return [...files, ...texts].join('\n');
}

const canary = 'canary+/0123456789-qwertyuiop';

describe('startRecorder() keeps no secret', () => {
  const forms: Readonly<Record<string, string>> = {
    plain: canary,
    'percent-encoded': encodeURIComponent(canary),
    base64: Buffer.from(canary).toString('base64'),
    base64url: Buffer.from(canary).toString('base64url'),
    hexadecimal: Buffer.from(canary).toString('hex'),
  };
  const headers: Readonly<Record<string, string>> = {
    'x-api-key': canary,
    authorization: `Bearer ${canary}`,
    'proxy-authorization': `Basic ${Buffer.from(`user:${canary}`).toString('base64')}`,
    cookie: `a=b; session=${canary}`,
    'x-goog-api-key': canary,
    'api-key': canary,
    'x-amz-security-token': canary,
    'cf-access-client-secret': canary,
    'x-forwarded-user': canary,
    'x-anything-else': canary,
    referer: `http://localhost/?token=${canary}`,
    origin: `http://${canary}`,
    'user-agent': `me ${canary}`,
    'anthropic-beta': canary,
    'x-stainless-anything': canary,
  };

  for (const [name, value] of Object.entries(headers)) {
    test(`of the header ${name}, nor where its answer repeats it`, async () => {
      // The header of a key is what tells that a value is secret wherever else it stands.
      const all = { 'x-api-key': canary, [name]: value };
      await using upstream = await startUpstream((request, response) => {
        assert.equal(request.headers[name], name === 'proxy-authorization' ? undefined : value);
        response.writeHead(200, {
          'content-type': 'text/plain',
          'set-cookie': `id=${canary}`,
          'anthropic-organization-id': 'organization-0123456789',
          'x-other': canary,
          'request-id': `req_${canary}`,
        });
        response.end(`organization-0123456789 ${Object.values(forms).join(' and ')}`);
      });
      await using recording = await record(upstream.url);
      const response = await ask(`${recording.recorder.url}/v1/messages`, all);
      assert.ok(response.includes(canary), 'the client gets the answer as it is');
      assert.equal((await recording.next()).ended, 'complete');
      const everything = await everythingIn(recording.folder);
      for (const form of Object.values(forms))
        assert.ok(!everything.includes(form.replaceAll('=', '')), form);
      assert.doesNotMatch(everything, /organization/);
      assert.match(everything, /\*{20} and \*{20}/);
    });
  }

  for (const [name, form] of Object.entries(forms)) {
    test(`that is ${name} in the query, the path or the body`, async () => {
      await using upstream = await startUpstream((request, response) => {
        void textOf(request).then((text) => response.end(text));
      });
      await using recording = await record(upstream.url);
      const body = JSON.stringify({
        messages: [{ role: 'user', content: `my key is ${form}` }],
        mcp_servers: [{ url: 'http://x', authorization_token: 'another-0123456789' }],
        metadata: { user_id: 'somebody' },
        note: 'sk-ant-api03-abcdefghijklmnop',
      });
      const url = `${recording.recorder.url}/v1/${encodeURIComponent(form)}?beta=true&k=${form}&${form}=1`;
      assert.equal(await ask(url, { 'x-api-key': canary }, body), body);
      const { path, file } = await recording.next();
      assert.match(path, /^\/v1\/\*+\?beta=true$/);
      const everything = await everythingIn(recording.folder);
      const requests = (await recording.folder.read(file!)).toString();
      assert.ok(!everything.includes(form.replaceAll('=', '')));
      assert.doesNotMatch(requests, /another-0123456789|somebody|sk-ant-api03-a/);
      assert.match(requests, /"authorization_token": "\[removed\]"/);
    });
  }

  test('however the answer that repeats it is cut, and leaves its other bytes as they are', async () => {
    const text = `data: ${canary}\n\ncanary+/0123 and ${canary}${canary}, canary`;
    const masked = text.replaceAll(canary, '*'.repeat(canary.length));
    for (const size of [1, 2, 7, 30, 1000]) {
      await using upstream = await startUpstream((_request, response) => {
        const send = (position: number): void => {
          if (position >= text.length) return void response.end();
          response.write(text.slice(position, position + size), () => setImmediate(send, position + size));
        };
        send(0);
      });
      await using recording = await record(upstream.url);
      assert.equal(await ask(recording.recorder.url, { authorization: `Bearer ${canary}` }), text);
      await recording.next();
      assert.equal((await recording.folder.read('0001-root.bin')).toString(), masked);
    }
  });

  test('in a compressed answer', async () => {
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['br', brotliCompressSync],
    ] as const) {
      await using upstream = await startUpstream((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding, 'content-type': 'text/plain' });
        response.end(compress(`the key ${canary}`));
      });
      await using recording = await record(upstream.url);
      await ask(recording.recorder.url, { 'x-api-key': canary });
      await recording.next();
      const stored = (await recording.folder.read('0001-root.txt')).toString();
      assert.equal(stored, `the key ${'*'.repeat(canary.length)}`);
    }
  });

  test('and lets nobody else read its files', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using recording = await record(simulator.url);
    await (await post(simulatorAt(recording), toBody('Hi'))).text();
    await recording.next();
    for (const file of await recording.folder.files()) {
      assert.equal((await stat(join(recording.folder.path, file))).mode & 0o777, 0o600, file);
    }
  });
});

/** The recorder in the place of the simulator that is asked. */
function simulatorAt({ recorder }: Recording): Parameters<typeof post>[0] {
  return recorder as unknown as Parameters<typeof post>[0];
}

function ask(url: string, headers: Record<string, string>, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { method: 'POST', headers, agent: false }, (response) => {
      void textOf(response).then(resolve, reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

describe('startRecorder()', () => {
  test('passes the answer on byte for byte, compressed as it is', async () => {
    const compressed = gzipSync('{"a": "Grüße"}');
    await using upstream = await startUpstream((_request, response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'content-length': compressed.length,
        'x-own': 'kept',
        connection: 'x-hop, close',
        'x-hop': 'of this connection',
      });
      response.end(compressed);
    });
    await using recording = await record(upstream.url);
    const received = await new Promise<{ headers: object; bytes: Buffer }>((resolve) => {
      httpRequest(recording.recorder.url, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ headers: response.headers, bytes: Buffer.concat(chunks) }));
      }).end();
    });
    assert.deepEqual(received.bytes, compressed);
    const {
      'x-own': own,
      'x-hop': hop,
      'content-length': length,
    } = received.headers as Record<string, string>;
    assert.deepEqual([own, hop, length], ['kept', undefined, String(compressed.length)]);
    await recording.next();
    assert.equal((await recording.folder.read('0001-root.body.json')).toString(), '{"a": "Grüße"}');
  });

  test('answers with 502 when there is no upstream, and records that', async () => {
    await using upstream = await startRawServer(() => ({ bytes: '', then: 'rst' }));
    await using recording = await record(upstream.url);
    const response = await post(simulatorAt(recording), toBody('Hi'));
    assert.equal(response.status, 502);
    const body = (await response.json()) as object;
    assert.deepEqual(body, {
      type: 'error',
      error: { type: 'api_error', message: 'The upstream could not be reached: ECONNRESET' },
    });
    assert.equal((await recording.next()).ended, 'unreachable');
    assert.deepEqual(JSON.parse((await recording.folder.read('0001-messages.body.json')).toString()), body);
  });

  test('answers with 502 for an answer that cannot be passed on', async () => {
    await using upstream = await startRawServer(() => ({
      bytes: 'HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n',
      then: 'hold',
    }));
    await using recording = await record(upstream.url);
    const response = await post(simulatorAt(recording), toBody('Hi'));
    assert.equal(response.status, 502);
    assert.match(await response.text(), /could not be reached: status 99/);
    assert.equal((await recording.next()).ended, 'unreachable');
  });

  test('closes the connection to the upstream when the client leaves', async () => {
    await using upstream = await startRawServer(() => ({
      bytes: streamResponse('event: x\n\n'),
      then: 'hold',
    }));
    await using recording = await record(upstream.url);
    const leaving = new AbortController();
    const response = await fetch(recording.recorder.url, { signal: leaving.signal });
    await response.body!.getReader().read();
    leaving.abort();
    await upstream.clientLeft();
    const { ended, events } = await recording.next();
    assert.deepEqual([ended, events], ['reader_left', 1]);
  });

  test('reads no more of the upstream than a client that does not read takes', async () => {
    const written = { bytes: 0 };
    const gone = Promise.withResolvers<void>();
    const total = 256 * 2 ** 20;
    await using upstream = await startUpstream((_request, response) => {
      const chunk = Buffer.alloc(2 ** 20, 'x');
      const send = (): void => {
        for (; written.bytes < total; written.bytes += chunk.length) {
          if (response.write(chunk)) continue;
          written.bytes += chunk.length;
          return void response.once('drain', send);
        }
      };
      response.on('close', () => gone.resolve());
      send();
    });
    await using recording = await record(upstream.url);
    const asked = httpRequest(recording.recorder.url, (response) => response.pause());
    asked.on('error', () => undefined);
    asked.end();
    // While there is room anywhere on the way, every few turns of the loop send something.
    let turns = 0;
    for (let before = 0; written.bytes === 0 || turns < 500; before = written.bytes) {
      await nextTurn();
      turns = written.bytes === before ? turns + 1 : 0;
    }
    assert.ok(written.bytes < total / 4, `${written.bytes} bytes were taken`);
    asked.destroy();
    await gone.promise;
    assert.equal((await recording.next()).ended, 'reader_left');
  });

  test('goes on numbering where an earlier run ended, and names files by their path', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using recording = await record(simulator.url);
    await (await post(simulatorAt(recording), toBody('Hi'))).text();
    await recording.recorder.close();
    await using again = await startRecorder({ upstream: simulator.url, out: recording.folder.path });
    const headers = { 'anthropic-version': 'x' };
    await Promise.all(
      ['/v1/models', '/v1/models/claude-sonnet-5?beta=true'].map(async (path) =>
        (await fetch(again.url + path, { headers })).text(),
      ),
    );
    await again.close();
    const files = (await recording.folder.files()).filter((file) => !file.endsWith('.body.json'));
    assert.equal(files[0], '0001-messages.json');
    assert.deepEqual(
      files
        .slice(1)
        .map((file) => file.replace(/^000[23]-/, ''))
        .toSorted(),
      ['models-claude-sonnet-5.json', 'models.json'],
    );
  });

  test('records the beginning of an answer that is too large, and passes on all of it', async () => {
    const text = 'x'.repeat(5000);
    await using upstream = await startUpstream((_request, response) => {
      response.write(text.slice(0, 1000));
      setImmediate(() => response.end(text.slice(1000)));
    });
    await using recording = await record(upstream.url, { maxBodyBytes: 2000 });
    assert.equal(await ask(recording.recorder.url, {}), text);
    await recording.next();
    assert.deepEqual(
      recording.errors.map(({ code }) => code),
      ['recording_too_large'],
    );
    assert.equal((await recording.folder.json('0001-root.json')).ended.how, 'unknown');
  });

  test('leaves out a request body that is too large, too deep or compressed, and passes it on', async () => {
    await using upstream = await startUpstream((request, response) => {
      void textOf(request).then((text) => response.end(String(text.length)));
    });
    await using recording = await record(upstream.url, { maxRequestBytes: 500 });
    assert.equal(await ask(recording.recorder.url, {}, 'x'.repeat(501)), '501');
    assert.equal(await ask(recording.recorder.url, {}, '['.repeat(202) + ']'.repeat(202)), '404');
    assert.equal(await ask(recording.recorder.url, { 'content-encoding': 'gzip' }, 'x'.repeat(50)), '50');
    for (const file of ['0001-root.json', '0002-root.json', '0003-root.json']) {
      await recording.next();
      assert.equal((await recording.folder.json(file)).request.bodyType, 'omitted');
    }
  });

  test('passes the answer on when it cannot be written, and says so once', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using recording = await record(simulator.url);
    await rm(recording.folder.path, { recursive: true });
    const response = await post(simulatorAt(recording), toBody('echo hi'));
    assert.match(await response.text(), /"hi"/);
    assert.equal((await recording.next()).file, undefined);
    assert.deepEqual(
      recording.errors.map(({ code }) => code),
      ['cannot_record'],
    );
  });

  test('refuses another Host, and who takes it for a proxy, and records nothing of it', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using recording = await record(simulator.url);
    const statusOf = (options: { path: string; host?: string }): Promise<number | undefined> =>
      new Promise((resolve) => {
        const { port } = recording.recorder;
        const headers = options.host === undefined ? {} : { host: options.host };
        const asking = { port, host: '127.0.0.1', path: options.path, headers, setHost: false };
        httpRequest(asking, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).end();
      });
    const host = `127.0.0.1:${recording.recorder.port}`;
    assert.equal(await statusOf({ path: '/v1/models', host: 'example.com' }), 403);
    assert.equal(await statusOf({ path: '/v1/models' }), 403);
    assert.equal(await statusOf({ path: 'http://example.com/v1/models', host }), 400);
    assert.deepEqual(await recording.folder.files(), []);
    assert.equal(simulator.requests.length, 0);
  });

  test('breaks off what is under way when it is closed, and leaves a recording of it', async () => {
    await using upstream = await startRawServer(() => ({
      bytes: streamResponse('event: x\n\n'),
      then: 'hold',
    }));
    await using recording = await record(upstream.url);
    const response = await fetch(recording.recorder.url);
    const reader = response.body!.getReader();
    await reader.read();
    await recording.recorder.close();
    await assert.rejects(reader.read());
    const { response: stored, ended } = await recording.folder.json('0001-root.json');
    assert.deepEqual([stored?.chunks.map(([, byteCount]) => byteCount), ended], [[10], { how: 'unknown' }]);
  });

  test('rejects when its upstream is itself', async () => {
    await assert.rejects(
      startRecorder({ upstream: 'http://localhost:8789', out: '/nowhere', port: 8789 }),
      /http:\/\/localhost:8789 is this recorder itself/,
    );
  });

  test('rejects for an upstream that is no address, and a folder that cannot be made', async () => {
    for (const upstream of ['nowhere', 'ftp://x', 'http://a:b@x', 'http://x/?key=1']) {
      await assert.rejects(startRecorder({ upstream, out: '/nowhere' }), RangeError);
    }
    await assert.rejects(
      startRecorder({ upstream: 'http://127.0.0.1:9', out: '/dev/null/x' }),
      (error) => error instanceof SimulatorError && error.code === 'cannot_record',
    );
  });
});
