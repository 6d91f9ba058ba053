import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import { startSimulator } from '../../src/simulator/index.ts';
import type { RecordedRequest, Simulator } from '../../src/simulator/index.ts';
import { askText, bodies, post, toBody } from './ask.ts';
import { StoppedClock } from './virtual-clock.ts';

/** The request as bytes, for clients that do something no HTTP library does. */
function toRawRequest({ port }: Simulator, body: object, headers: readonly string[] = []): string {
  const text = JSON.stringify(body);
  const lines = [
    'POST /v1/messages HTTP/1.1',
    `host: 127.0.0.1:${port}`,
    'anthropic-version: 2026-10-21',
    `content-length: ${Buffer.byteLength(text)}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${text}`;
}

function openSocket({ port }: Simulator): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** All bytes until the other side ends the connection; rejects when it is reset. */
async function readAll(socket: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Resolves with the response's head; the body is not touched. */
function rawPost(simulator: Simulator, body: object, headers: object = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${simulator.url}/v1/messages`,
      { method: 'POST', agent: new Agent(), headers: { 'anthropic-version': '2026-10-21', ...headers } },
      resolve,
    );
    request.once('error', reject);
    request.end(JSON.stringify(body));
  });
}

describe('the response', () => {
  test('to a stream has the headers of the real one', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const response = await rawPost(simulator, toBody('Hi', { stream: true }));
    const { headers } = response;
    response.resume();
    assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-cache');
    assert.equal(headers['vary'], 'Accept-Encoding');
    assert.equal(headers['transfer-encoding'], 'chunked');
    assert.equal(headers['content-encoding'], undefined);
    assert.equal(headers['x-simulator'], '1');
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.match(String(headers['request-id']), /^req_011C\w{20}$/);
    assert.match(String(headers['anthropic-organization-id']), /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/);
    assert.match(String(headers['anthropic-workspace-id']), /^wrkspc_01\w{22}$/);
    assert.match(String(headers['traceresponse']), /^00-[\da-f]{32}-[\da-f]{16}-01$/);
  });

  test('to a caller that is not known has no organization, to a wrong request one, to neither rate limits', async () => {
    await using simulator = await startSimulator({ speed: 0, requireKey: true });
    const answers = [
      { answer: await post(simulator, toBody('Hi'), { authorization: '' }), status: 401, isKnown: false },
      { answer: await post(simulator, {}), status: 400, isKnown: true },
      { answer: await post(simulator, toBody('Hi', { model: 'claude-nope' })), status: 404, isKnown: true },
    ];
    for (const { answer, status, isKnown } of answers) {
      const { headers } = answer;
      assert.equal(answer.status, status);
      assert.equal(headers.has('anthropic-organization-id'), isKnown);
      assert.equal(headers.has('traceresponse'), isKnown);
      assert.equal(headers.get('x-should-retry'), 'false');
      assert.equal(headers.get('server'), 'cloudflare');
      assert.match(headers.get('cf-ray') ?? '', /^[\da-f]{16}-[A-Z]{3}$/);
      assert.match(headers.get('request-id') ?? '', /^req_011C/);
      assert.ok(![...headers.keys()].some((name) => name.startsWith('anthropic-ratelimit')));
    }
  });

  test('has rate-limit headers that add up and fall with use', async () => {
    const clock = new StoppedClock();
    await using simulator = await startSimulator({ speed: 0, clock });
    const figures = async (): Promise<(name: string) => number> => {
      const response = await post(simulator, toBody(`echo ${'x'.repeat(10_000)}`));
      await response.text();
      assert.match(
        response.headers.get('anthropic-ratelimit-tokens-reset') ?? '',
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
      );
      return (name) => Number(response.headers.get(`anthropic-ratelimit-${name}`));
    };
    const [first, second] = [await figures(), await figures()];
    for (const figure of [first, second]) {
      for (const what of ['limit', 'remaining']) {
        assert.equal(
          figure(`tokens-${what}`),
          figure(`input-tokens-${what}`) + figure(`output-tokens-${what}`),
        );
        for (const kind of ['tokens', 'input-tokens', 'output-tokens'])
          assert.equal(figure(`${kind}-${what}`) % 1000, 0);
      }
    }
    assert.equal(first('requests-remaining') - second('requests-remaining'), 1);
    assert.ok(second('input-tokens-remaining') < first('input-tokens-remaining'));
    assert.ok(second('output-tokens-remaining') < first('output-tokens-remaining'));
  });

  test('has rate-limit headers to the nearest thousand tokens: a small request leaves them full', async () => {
    const clock = new StoppedClock();
    await using simulator = await startSimulator({ speed: 0, clock });
    const figuresAfter = async (wordCount: number): Promise<(string | null)[]> => {
      const response = await post(simulator, toBody(`echo ${'word '.repeat(wordCount)}`));
      await response.text();
      return ['requests', 'input-tokens', 'output-tokens', 'tokens'].map((name) =>
        response.headers.get(`anthropic-ratelimit-${name}-remaining`),
      );
    };
    assert.deepEqual(await figuresAfter(3), ['19999', '40000000', '6000000', '46000000']);
    assert.deepEqual(await figuresAfter(750), ['19998', '39999000', '5999000', '45998000']);
    assert.deepEqual(await figuresAfter(3), ['19997', '39999000', '5999000', '45998000']);
  });

  test('has exact rate-limit headers where the limit is no multiple of a thousand', async () => {
    const faults = { kind: 'rate_limit', outputTokens: 600 } as const;
    await using simulator = await startSimulator({ speed: 0, clock: new StoppedClock(), faults });
    const left: (string | null)[] = [];
    for (const prompt of ['echo one two three', 'echo one two three', 'echo']) {
      const { headers } = await post(simulator, toBody(prompt));
      left.push(headers.get('anthropic-ratelimit-output-tokens-remaining'));
    }
    // 6, 6 and 3 tokens.
    assert.deepEqual(left, ['594', '588', '585']);
  });

  test('is gzip when the client accepts it, and holds the same bytes', async () => {
    const answers = [];
    for (const encoding of ['gzip, deflate, br', 'gzip;q=0, identity']) {
      await using simulator = await startSimulator({ speed: 0 });
      const response = await rawPost(
        simulator,
        { ...bodies['markdown'], stream: true },
        { 'accept-encoding': encoding },
      );
      answers.push({ encoding: response.headers['content-encoding'], bytes: await readAll(response) });
    }
    const [compressed, plain] = answers;
    assert.equal(compressed?.encoding, 'gzip');
    assert.equal(plain?.encoding, undefined);
    assert.deepEqual(gunzipSync(compressed.bytes), plain?.bytes);
  });

  test('is whole JSON with gzip too, errors included', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const body of [toBody('Hi'), {}]) {
      const response = await rawPost(simulator, body, { 'accept-encoding': 'gzip' });
      assert.equal(response.headers['content-encoding'], 'gzip');
      assert.ok(JSON.parse(gunzipSync(await readAll(response)).toString()));
    }
  });
});

describe('a body over the limit', () => {
  const tooLarge = '{"error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}';

  test('is answered with 413 before it was sent, and the connection ends without a reset', async () => {
    await using simulator = await startSimulator({ maxBodyBytes: 1000 });
    const socket = await openSocket(simulator);
    const request = toRawRequest(simulator, toBody('x'.repeat(1000)));
    socket.write(request.slice(0, 300));
    const received: Buffer[] = [];
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      received.push(chunk as Buffer);
      if (Buffer.concat(received).includes('size"}}')) break;
    }
    socket.write(request.slice(300));
    received.push(await readAll(socket));
    const [head = '', body] = Buffer.concat(received).toString().split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 413 /);
    assert.match(head, /connection: close/i);
    assert.match(head, /x-simulator: 1/);
    assert.ok(!head.includes('request-id'));
    assert.equal(body, tooLarge);
  });

  test('that is all on its way before the client reads is answered without a reset', async () => {
    await using simulator = await startSimulator({ maxBodyBytes: 9_000_000 });
    const socket = await openSocket(simulator);
    socket.write(toRawRequest(simulator, toBody('x'.repeat(16_000_000))));
    assert.ok((await readAll(socket)).toString().endsWith(tooLarge));
  });

  test('of unknown length is answered with 413 once it has become too long', async () => {
    await using simulator = await startSimulator({ maxBodyBytes: 1000 });
    const socket = await openSocket(simulator);
    const chunk = `190\r\n${'x'.repeat(400)}\r\n`;
    socket.write(
      `POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:${simulator.port}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    socket.write(`${chunk}${chunk}${chunk}0\r\n\r\n`);
    const answer = (await readAll(socket)).toString();
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.ok(answer.endsWith(tooLarge));
    assert.equal(simulator.requests[0]?.body, undefined);
    assert.equal(await simulator.requests[0]?.closed, 'finished');
  });

  test('reaches a client that sends all of it as the answer, not as a broken connection', async () => {
    await using simulator = await startSimulator({ maxBodyBytes: 100_000 });
    const response = await post(simulator, toBody('x'.repeat(150_000)));
    assert.equal(response.status, 413);
    assert.equal(await response.text(), tooLarge);
  });

  test('of exactly the limit is not over it', async () => {
    const body = JSON.stringify(toBody('Hi'));
    await using simulator = await startSimulator({ maxBodyBytes: Buffer.byteLength(body), speed: 0 });
    assert.equal((await post(simulator, body)).status, 200);
  });
});

describe('a client that leaves', () => {
  test('in the middle of a stream ends it at once, with no timer left', async () => {
    const clock = new StoppedClock();
    await using simulator = await startSimulator({ speed: 1, clock });
    const answering = rawPost(simulator, toBody('long 1000', { stream: true }));
    // The time to the first byte.
    await clock.whenWaiting();
    for (const fire of clock.waiting) fire();
    clock.waiting.clear();
    const response = await answering;
    await clock.whenWaiting();
    const [request] = simulator.requests;
    response.destroy();
    assert.equal(await request?.closed, 'aborted');
    assert.equal(request?.closedEarly, true);
    assert.equal(clock.waiting.size, 0);
    // message_start, the block's start, ping and the first delta come together; no more came.
    assert.equal(request?.eventsSent, 4);
  });

  for (const stream of [true, false]) {
    test(`before the first byte ends the request at once, stream: ${stream}`, async () => {
      const clock = new StoppedClock();
      await using simulator = await startSimulator({ speed: 1, clock });
      const socket = await openSocket(simulator);
      socket.write(toRawRequest(simulator, toBody('Hi', { stream })));
      await clock.whenWaiting();
      socket.destroy();
      const request = await simulator.waitFor(({ closedEarly }) => closedEarly);
      assert.equal(await request.closed, 'aborted');
      assert.equal(request.status, undefined);
      assert.equal(clock.waiting.size, 0);
    });
  }

  test('in the middle of its own request is seen as gone', async () => {
    await using simulator = await startSimulator();
    const socket = await openSocket(simulator);
    socket.write(toRawRequest(simulator, toBody('Hi')).slice(0, -5));
    while (simulator.requests.length === 0) await nextTurn();
    socket.destroy();
    assert.equal(await simulator.requests[0]?.closed, 'aborted');
  });
});

describe('a client that does not read', () => {
  test('stops the answer being made, and gets all of it when it reads again', async () => {
    await using simulator = await startSimulator({ speed: 0, models: ['claude-x'] });
    const socket = await openSocket(simulator);
    socket.pause();
    // About 25 MB of events: more than the sockets of both sides hold.
    const prompt = `echo ${'word '.repeat(700_000)}`;
    socket.write(
      toRawRequest(simulator, toBody(prompt, { model: 'claude-x', max_tokens: 10_000_000, stream: true }), [
        'connection: close',
      ]),
    );
    const request = await simulator.waitFor(({ eventsSent }) => eventsSent > 0);
    await whenStill(request);
    const bytesMade = request.bytesSent;
    const answer = await readAll(socket);
    assert.ok(answer.includes('event: message_stop'));
    assert.equal(await request.closed, 'finished');
    assert.ok(
      bytesMade < request.bytesSent * 0.75,
      `made ${bytesMade} of ${request.bytesSent} bytes for a client that had read none`,
    );
  });

  /** Resolves when nothing is sent any more: while there is room, every turn of the loop sends something. */
  async function whenStill(request: RecordedRequest): Promise<void> {
    let turns = 0;
    for (let before = request.eventsSent; turns < 200; before = request.eventsSent) {
      await nextTurn();
      turns = request.eventsSent === before ? turns + 1 : 0;
    }
  }
});

describe('a recording', () => {
  const file = new URL('../fixtures/simulator/broken-off.sse', import.meta.url);

  test('is given back byte for byte to every streaming request', async () => {
    const recording = await readFile(file);
    await using simulator = await startSimulator({ speed: 0, replay: recording });
    for (const encoding of ['identity', 'gzip']) {
      const response = await post(simulator, toBody('Hi', { stream: true }), { 'accept-encoding': encoding });
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), recording);
    }
    assert.equal(simulator.requests[0]?.eventsSent, 7);
    const whole = (await (await post(simulator, toBody('Hi'))).json()) as { stop_reason: string };
    assert.equal(whole.stop_reason, 'end_turn');
  });

  test('of any bytes is given back byte for byte', async () => {
    for (const text of ['', '\n', 'x', '\n\n\n\n', 'a\r\n\r\nb\r\n\r\n', 'event: x\n\nevent: y']) {
      await using simulator = await startSimulator({ speed: 0, replay: Buffer.from(text) });
      assert.equal(await askText(simulator, toBody('Hi')), text);
    }
  });
});

describe('a simulator on loopback', () => {
  test('refuses another Host, and takes all its own names', async () => {
    await using simulator = await startSimulator();
    const statusFor = async (host: string): Promise<string> => {
      const socket = await openSocket(simulator);
      socket.write(
        `GET /v1/models HTTP/1.1\r\nhost: ${host}\r\nanthropic-version: x\r\nconnection: close\r\n\r\n`,
      );
      return (await readAll(socket)).toString().slice(9, 12);
    };
    const { port } = simulator;
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
      assert.equal(await statusFor(host), '200', host);
    }
    for (const host of [
      'localhost',
      `example.com:${port}`,
      `127.0.0.1:${port + 1}`,
      `localhost.example.com:${port}`,
    ]) {
      assert.equal(await statusFor(host), '403', host);
    }
  });

  test('takes a whole URL for the path in it, as from a client that takes it for a proxy', async () => {
    await using simulator = await startSimulator();
    const socket = await openSocket(simulator);
    const target = `http://localhost:${simulator.port}/v1/models?limit=1`;
    socket.write(
      `GET ${target} HTTP/1.1\r\nhost: localhost:${simulator.port}\r\nanthropic-version: x\r\nconnection: close\r\n\r\n`,
    );
    assert.match((await readAll(socket)).toString(), /^HTTP\/1\.1 200 /);
    assert.equal(simulator.requests[0]?.path, '/v1/models?limit=1');
  });

  test('refuses a request without Host as the API refuses', async () => {
    await using simulator = await startSimulator();
    for (const version of ['1.1', '1.0']) {
      const socket = await openSocket(simulator);
      socket.write(`GET /v1/models HTTP/${version}\r\nanthropic-version: x\r\nconnection: close\r\n\r\n`);
      const answer = (await readAll(socket)).toString();
      assert.match(answer, /^HTTP\/1\.1 403 .*x-simulator: 1/s, version);
      const message = `Host "" is not this simulator: it is localhost:${simulator.port}`;
      assert.ok(answer.includes(JSON.stringify({ type: 'permission_error', message })), answer);
    }
  });

  test('answers what is not HTTP with 400, and headers that are too large with 431', async () => {
    await using simulator = await startSimulator();
    const statusOf = async (bytes: string): Promise<string> => {
      const socket = await openSocket(simulator);
      socket.write(bytes);
      const answer = (await readAll(socket)).toString();
      assert.match(answer, /^HTTP\/1\.1 \d{3} .*x-simulator: 1/s);
      return answer.slice(9, 12);
    };
    assert.equal(await statusOf('hello\r\n\r\n'), '400');
    assert.equal(await statusOf(`GET / HTTP/1.1\r\nx: ${'y'.repeat(17_000)}`), '431');
  });
});

describe('Simulator', () => {
  test('requests has what was asked, with the keys masked', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const headers = {
      'x-api-key': 'short',
      authorization: 'Bearer sk-ant-0123456789',
      'anthropic-beta': 'a,b',
    };
    await (await post(simulator, toBody('Hi', { stream: true }), headers)).text();
    const [request] = simulator.requests;
    assert.equal(request?.number, 1);
    assert.equal(request.method, 'POST');
    assert.equal(request.path, '/v1/messages');
    assert.deepEqual(request.body, toBody('Hi', { stream: true }));
    assert.equal(request.headers['x-api-key'], '***');
    assert.equal(request.headers['authorization'], 'Bearer ***6789');
    assert.equal(request.headers['anthropic-beta'], 'a,b');
    assert.equal(request.status, 200);
    assert.equal(await request.closed, 'finished');
    assert.equal(request.closedEarly, false);
  });

  test('requests keeps the last thousand', async () => {
    await using simulator = await startSimulator();
    const socket = await openSocket(simulator);
    const ask = `GET / HTTP/1.1\r\nhost: localhost:${simulator.port}\r\n`;
    socket.write(`${ask}\r\n`.repeat(1004) + `${ask}connection: close\r\n\r\n`);
    await readAll(socket);
    assert.equal(simulator.requests.length, 1000);
    assert.equal(simulator.requests[0]?.number, 6);
  });

  test('waitFor() resolves with a request to come, and rejects when the simulator closes first', async () => {
    const simulator = await startSimulator({ speed: 0 });
    const coming = simulator.waitFor(({ body }) => (body as { model: string }).model === 'claude-opus-5');
    const never = simulator.waitFor(() => false);
    const failing = simulator.waitFor(() => {
      throw new TypeError('mine');
    });
    const rejections = Promise.all([
      assert.rejects(never, { code: 'simulator_closed' }),
      assert.rejects(failing, { name: 'TypeError', message: 'mine' }),
    ]);
    await (await post(simulator, toBody('Hi'))).text();
    await (await post(simulator, toBody('Hi', { model: 'claude-opus-5' }))).text();
    assert.equal((await coming).number, 2);
    await simulator.close();
    await rejections;
    await assert.rejects(
      simulator.waitFor(() => false),
      { code: 'simulator_closed' },
    );
    assert.equal((await simulator.waitFor(({ number }) => number === 1)).number, 1);
  });

  test('close() ends streams under way, may be called twice, and frees the port', async () => {
    const clock = new StoppedClock();
    const simulator = await startSimulator({ speed: 1, clock });
    const answering = assert.rejects(rawPost(simulator, toBody('Hi', { stream: true })));
    await clock.whenWaiting();
    await Promise.all([simulator.close(), simulator.close()]);
    await answering;
    assert.equal(clock.waiting.size, 0);
    assert.equal(await simulator.requests[0]?.closed, 'aborted');
    await using next = await startSimulator({ port: simulator.port });
    assert.equal(next.url, simulator.url);
  });

  test('url names the address listened on', async () => {
    for (const [host, start] of [
      ['localhost', 'http://localhost:'],
      ['0.0.0.0', 'http://127.0.0.1:'],
    ] as const) {
      await using simulator = await startSimulator({ host });
      assert.ok(simulator.url.startsWith(start));
      assert.equal((await fetch(simulator.url)).status, 404);
    }
  });
});
