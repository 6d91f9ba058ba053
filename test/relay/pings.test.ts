// What a reader gets while upstream says nothing, on every route that streams; the clock is moved by hand.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 3));
const json = { 'content-type': 'application/json' };
const events = { ...json, accept: 'text/event-stream' };
const body = JSON.stringify({ messages: [{ role: 'user', content: 'x' }], stream: true });

/** Everything a response has said so far, read as it comes. */
function listen(response: Response): { text: string } {
  const heard = { text: '' };
  const read = async (): Promise<void> => {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) heard.text += text;
  };
  // The test leaves while the stream is open.
  read().catch(() => undefined);
  return heard;
}

type Ask = (url: string) => Promise<Response>;

const routes: Readonly<Record<string, { readonly ask: Ask; readonly ping: string }>> = {
  'POST /v1/messages': {
    ask: (url) => fetch(`${url}/v1/messages`, { method: 'POST', headers: json, body }),
    ping: 'event: ping\ndata: {"type": "ping"}\n\n',
  },
  'POST /streams': {
    ask: (url) => fetch(`${url}/streams`, { method: 'POST', headers: events, body }),
    ping: 'event: ping\ndata: {"type": "ping"}\n\n',
  },
  'POST /chat/stream': {
    ask: (url) =>
      fetch(`${url}/chat/stream`, { method: 'POST', headers: json, body: JSON.stringify({ message: 'x' }) }),
    ping: ': ping\n\n',
  },
  ...Object.fromEntries(
    [['messages', 'event: ping\ndata: {"type": "ping"}\n\n'] as const, ['text', ': ping\n\n'] as const].map(
      ([format, ping]) => [
        `GET /streams/:id?format=${format}`,
        {
          ask: async (url: string) => {
            const started = await fetch(`${url}/streams`, { method: 'POST', headers: json, body });
            const { id } = (await started.json()) as { id: string };
            return fetch(`${url}/streams/${id}?format=${format}`, { headers: events });
          },
          ping,
        },
      ],
    ),
  ),
};

for (const [title, { ask, ping }] of Object.entries(routes)) {
  test(`${title} says something after 14 s of silence, so that 15 s are kept on the way, and no ping before`, async (t) => {
    await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
    await using relay = await startTestRelay(upstream.url);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const heard = listen(await ask(relay.url));
    // With its quotes: the producer's name may have the two letters in it.
    await turnsUntil(() => heard.text.includes('"lo"'));
    // The reader's silence begins when it has been read.
    await new Promise(setImmediate);
    const before = heard.text;
    for (let pings = 1; pings <= 3; pings += 1) {
      t.mock.timers.tick(13_999);
      await new Promise(setImmediate);
      t.mock.timers.tick(1);
      await turnsUntil(() => heard.text.length >= before.length + ping.length * pings);
      assert.equal(heard.text, before + ping.repeat(pings));
    }
    t.mock.timers.reset();
  });
}

for (const route of ['POST /streams', 'POST /chat/stream']) {
  test(`${route} begins with pings when upstream takes long for its first word, and tells an error in the stream`, async () => {
    const { ask, ping } = routes[route]!;
    const late = Promise.withResolvers<string>();
    await using upstream = await startRawServer(() => ({ bytes: '', then: 'hold', later: late.promise }));
    await using relay = await startTestRelay(upstream.url, { pingMs: 5 });
    const response = await ask(relay.url);
    assert.equal(response.status, 200);
    const heard = listen(response);
    await turnsUntil(() => heard.text.includes(ping));
    const error = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    late.resolve(
      `HTTP/1.1 529 Overloaded\r\ncontent-type: application/json\r\ncontent-length: ${error.length}\r\n\r\n${error}`,
    );
    await turnsUntil(() => /overloaded_error.*\n\n/.test(heard.text));
    assert.match(heard.text, /event: error\ndata: .*overloaded_error.*\n\n$/);
  });
}

for (const [title, { ask, ping }] of Object.entries(routes)) {
  if (title === 'POST /v1/messages') continue;
  test(`${title} says something every 14 s from the first moment on, while upstream has not answered`, async (t) => {
    await using upstream = await startRawServer(() => ({ bytes: '', then: 'hold' }));
    await using relay = await startTestRelay(upstream.url);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const asked: { response?: Response } = {};
    const asking = async (): Promise<void> => {
      asked.response = await ask(relay.url);
    };
    const answered = asking();
    await turnsUntil(() => upstream.requests.length === 1);
    if (title.startsWith('POST')) {
      t.mock.timers.tick(13_999);
      await new Promise(setImmediate);
      assert.equal(asked.response, undefined, 'upstream’s own status is waited for');
      t.mock.timers.tick(1);
    }
    await turnsUntil(() => asked.response !== undefined);
    await answered;
    assert.equal(asked.response?.status, 200);
    const heard = listen(asked.response);
    // The reader's silence begins when it has said what there is.
    if (ping.startsWith('event')) await turnsUntil(() => heard.text.includes('"attempt"'));
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    const before = heard.text;
    assert.doesNotMatch(before, /ping/);
    for (let pings = 1; pings <= 3; pings += 1) {
      t.mock.timers.tick(14_000);
      await turnsUntil(() => heard.text.length > before.length + ping.length * (pings - 1));
      assert.equal(heard.text, before + ping.repeat(pings));
    }
    t.mock.timers.reset();
  });
}

test('POST /v1/messages says nothing before upstream’s status, no informational response either, and a limit ends that', async (t) => {
  const error = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
  const late = Promise.withResolvers<string>();
  await using upstream = await startRawServer(() => ({ bytes: '', then: 'hold', later: late.promise }));
  await using relay = await startTestRelay(upstream.url);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const answer = { bytes: '' };
  const { hostname, port } = new URL(relay.url);
  const socket = connect(Number(port), hostname);
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer.bytes += text;
  });
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await turnsUntil(() => upstream.requests.length === 1);
  for (let quarters = 0; quarters < 7; quarters += 1) {
    t.mock.timers.tick(15_000);
    await new Promise(setImmediate);
  }
  assert.equal(answer.bytes, '');
  late.resolve(
    `HTTP/1.1 529 Overloaded\r\ncontent-type: application/json\r\ncontent-length: ${error.length}\r\n\r\n${error}`,
  );
  await turnsUntil(() => answer.bytes.includes(error));
  assert.match(answer.bytes, /^HTTP\/1\.1 529 /);
  socket.destroy();

  await using silent = await startRawServer(() => ({ bytes: '', then: 'hold' }));
  await using other = await startTestRelay(silent.url);
  const asked = routes['POST /v1/messages']!.ask(other.url);
  await turnsUntil(() => silent.requests.length === 1);
  t.mock.timers.tick(120_000);
  assert.equal((await asked).status, 504);
  t.mock.timers.reset();
});
