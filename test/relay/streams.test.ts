// `/streams` and `/chat/stream`: answers that are followed, resumed and stopped from anywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageAccumulator, parseStreamEvent, SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import { MemoryStreamLog } from 'millrace/storage';
import type { EntryId } from 'millrace/storage';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { logWith } from '../support/stream-log.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

const events = 'text/event-stream';
const ask = (content: string) => ({ messages: [{ role: 'user', content }] });

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

async function readFrames(response: Response): Promise<ServerSentEvent[]> {
  const decoder = new SseDecoder();
  return [...decoder.push(await response.text()), ...decoder.end()];
}

/** Reads frames until one satisfies `isLast`, then leaves. */
async function readUntil(
  response: Response,
  isLast: (frame: ServerSentEvent) => boolean,
): Promise<ServerSentEvent[]> {
  const decoder = new SseDecoder();
  const frames: ServerSentEvent[] = [];
  for await (const chunk of response.body!) {
    for (const frame of decoder.push(chunk)) {
      frames.push(frame);
      if (isLast(frame)) return frames;
    }
  }
  return frames;
}

const sequences = (frames: readonly ServerSentEvent[]) => frames.map(({ id }) => Number(id?.split('-')[1]));

function textOf(frames: readonly ServerSentEvent[]): string {
  const accumulator = new MessageAccumulator();
  for (const frame of frames) accumulator.push(parseStreamEvent(frame));
  return (
    accumulator.message?.content.map((block) => (block.type === 'text' ? block.text : '')).join('') ?? ''
  );
}

const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 3));

test('POST /streams streams the answer with dense ids, and a reader resumes after any of them', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, ask('markdown'), { accept: events });
  assert.equal(response.status, 200);
  const id = response.headers.get('x-stream-id');
  const frames = await readFrames(response);
  assert.deepEqual(
    sequences(frames),
    frames.map((_, index) => index + 1),
  );
  assert.deepEqual(
    frames.slice(0, 2).map(({ event }) => event),
    ['millrace', 'millrace'],
  );
  assert.deepEqual(
    frames.slice(-2).map(({ event }) => event),
    ['message_stop', 'millrace'],
  );
  assert.ok(textOf(frames).length > 500);
  const places = [0, 1, 2, 17, Math.floor(frames.length / 2), frames.length - 2];
  for (const place of places) {
    const rest = await fetch(`${relay.url}/streams/${id}`, {
      headers: { accept: events, 'last-event-id': frames[place]!.id! },
    });
    assert.deepEqual(await readFrames(rest), frames.slice(place + 1), `after ${frames[place]!.id}`);
    const byQuery = await fetch(`${relay.url}/streams/${id}?after=${frames[place]!.id}`, {
      headers: { accept: events },
    });
    assert.deepEqual(await readFrames(byQuery), frames.slice(place + 1));
  }
  const done = await fetch(`${relay.url}/streams/${id}`, {
    headers: { accept: events, 'last-event-id': frames.at(-1)!.id! },
  });
  assert.equal(done.status, 204);
});

test('a reader who joins late sees the same answer, while it runs and after it', async () => {
  await using upstream = await startSimulator({ speed: 40 });
  await using relay = await startTestRelay(upstream.url);
  const started = await post(`${relay.url}/streams`, ask('long 60'));
  assert.equal(started.status, 202);
  const { id } = (await started.json()) as { id: string };
  const follow = async () =>
    readFrames(await fetch(`${relay.url}/streams/${id}`, { headers: { accept: events } }));
  const [first, second] = await Promise.all([follow(), follow()]);
  assert.deepEqual(second, first);
  assert.deepEqual(await follow(), first);
  const state = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as Record<string, unknown>;
  assert.deepEqual([state['id'], state['state'], state['ending']], [id, 'ended', { type: 'complete' }]);
  assert.equal(state['lastId'], first.at(-1)?.id);
  assert.deepEqual(state['usage'], (state['message'] as { usage: unknown }).usage);
});

test('a reader’s leaving does not stop a stream of /streams', async () => {
  await using upstream = await startSimulator({ speed: 40 });
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, ask('long 60'), { accept: events });
  const id = response.headers.get('x-stream-id');
  const seen = await readUntil(response, ({ event }) => event === 'content_block_delta');
  const headers = { accept: events, 'last-event-id': seen.at(-1)!.id! };
  const rest = await readFrames(await fetch(`${relay.url}/streams/${id}`, { headers }));
  assert.equal(rest.at(-2)?.event, 'message_stop');
  const all = [...seen, ...rest];
  assert.deepEqual(
    sequences(all),
    all.map((_, index) => index + 1),
  );
});

test('POST /streams/:id/stop closes the upstream call, ends every reader’s stream and keeps what came', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, ask('x'), { accept: events });
  const id = response.headers.get('x-stream-id');
  const other = await fetch(`${relay.url}/streams/${id}`, { headers: { accept: events } });
  const stopped = await post(`${relay.url}/streams/${id}/stop`, {});
  assert.equal(stopped.status, 200);
  await upstream.clientLeft();
  for (const reader of [response, other]) {
    const frames = await readFrames(reader);
    assert.equal(textOf(frames), 'Hello');
    const last = JSON.parse(frames.at(-1)!.data) as { error: { details: unknown } };
    assert.deepEqual([frames.at(-1)?.event, last.error.details], ['error', { code: 'stopped' }]);
  }
  assert.equal((await post(`${relay.url}/streams/${id}/stop`, {})).status, 200, 'again does no harm');
  const state = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as Record<string, unknown>;
  assert.deepEqual([state['state'], state['ending']], ['ended', { type: 'stopped' }]);
});

test('POST /streams with the same Idempotency-Key attaches and asks upstream once', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const send = (body: unknown) =>
    post(`${relay.url}/streams`, body, { accept: events, 'idempotency-key': 'key-1' });
  const [first, second] = await Promise.all([send(ask('echo once')), send(ask('echo once'))]);
  assert.equal(first.headers.get('x-stream-id'), second.headers.get('x-stream-id'));
  assert.deepEqual(await readFrames(first), await readFrames(second));
  assert.equal(upstream.requests.length, 1);
  const other = await send(ask('echo something else'));
  assert.equal(other.status, 409);
  assert.equal(((await other.json()) as { error: { type: string } }).error.type, 'conflict_error');
});

test('POST /streams gives an error of upstream as it is', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, { ...ask('x'), model: 'gpt-4' }, { accept: events });
  assert.equal(response.status, 404);
  assert.match(await response.text(), /"message":"model: gpt-4"/);
});

test('Last-Event-ID that is malformed is refused, and one of another log leads to a visible reset', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/streams`, ask('echo hi'), { accept: events });
  const id = response.headers.get('x-stream-id');
  const frames = await readFrames(response);
  const follow = (lastEventId: string, format = 'messages') =>
    fetch(`${relay.url}/streams/${id}?format=${format}`, {
      headers: { accept: events, 'last-event-id': lastEventId },
    });
  assert.equal((await follow('17')).status, 400);
  assert.equal((await follow('1-1', 'xml')).status, 400);
  for (const foreign of ['1-3', `${frames.at(-1)!.id!.split('-')[0]}-9999`]) {
    const [reset, ...rest] = await readFrames(await follow(foreign));
    assert.deepEqual(JSON.parse(reset!.data), { type: 'millrace', record: { type: 'reset', from: '0-0' } });
    assert.deepEqual(rest, frames);
    const text = await readFrames(await follow(foreign, 'text'));
    assert.deepEqual(
      text.map(({ event }) => event),
      ['reset', 'text', 'done'],
    );
  }
});

test('a stream that is not there is a 404, and a deleted one ends its readers', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  for (const [method, path] of [
    ['GET', '/streams/none'],
    ['POST', '/streams/none/stop'],
  ] as const) {
    const response = await fetch(relay.url + path, { method });
    assert.equal(response.status, 404);
    assert.equal(((await response.json()) as { error: { type: string } }).error.type, 'not_found_error');
  }
  const response = await post(`${relay.url}/streams`, ask('x'), { accept: events });
  await relay.log.delete(response.headers.get('x-stream-id')!);
  const frames = await readFrames(response);
  assert.match(frames.at(-1)?.data ?? '', /stream_gone/);
});

test('GET /streams/:id of another owner is a 404', async () => {
  const log = new MemoryStreamLog();
  await using relay = await startTestRelay('http://127.0.0.1:9', { log });
  await log.create({ id: 'theirs', open: { type: 'open', owner: 'someone', request: '{}', createdAt: 0 } });
  assert.equal((await fetch(`${relay.url}/streams/theirs`)).status, 404);
  assert.equal((await post(`${relay.url}/streams/theirs/stop`, {})).status, 404);
});

test('an answer longer than a log may be ends with log_full', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url, { log: new MemoryStreamLog({ maxLogBytes: 4000 }) });
  const frames = await readFrames(await post(`${relay.url}/streams`, ask('long 500'), { accept: events }));
  assert.match(frames.at(-1)?.data ?? '', /log_full/);
  assert.ok(textOf(frames).length > 0);
});

test('POST /chat/stream gives text as JSON strings, then done with usage', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const message = 'echo line one\nline two\n\ndata: tricky 水車';
  const response = await post(`${relay.url}/chat/stream`, { message, system: 'Be brief' });
  const id = response.headers.get('x-stream-id');
  const frames = await readFrames(response);
  const pieces = frames.filter(({ event }) => event === 'text').map(({ data }) => JSON.parse(data) as string);
  assert.equal(pieces.join(''), message.slice('echo '.length));
  const done = JSON.parse(frames.at(-1)!.data) as { usage: { output_tokens: number }; stop_reason: string };
  assert.equal(frames.at(-1)?.event, 'done');
  assert.equal(done.stop_reason, 'end_turn');
  assert.ok(done.usage.output_tokens > 0);
  assert.deepEqual(upstream.requests[0]?.body, {
    model: 'claude-sonnet-5',
    max_tokens: 512,
    system: 'Be brief',
    messages: [{ role: 'user', content: message }],
    stream: true,
  });
  const headers = { accept: events, 'last-event-id': frames[0]!.id! };
  const rest = await readFrames(await fetch(`${relay.url}/streams/${id}?format=text`, { headers }));
  assert.deepEqual(rest, frames.slice(1), 'resumes, with the whole usage');
});

test('POST /chat/stream tells a cut, an error and a broken frame by code', async () => {
  const overloaded = sse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
  for (const [body, code, retryable] of [
    [cut, 'truncated', true],
    [cut + overloaded, 'overloaded_error', true],
    [`${cut}event: content_block_delta\ndata: {"ty\n\n`, 'invalid_json', false],
  ] as const) {
    await using upstream = await startRawServer(() => ({
      bytes: streamResponse(body) + cleanEnd,
      then: 'fin',
    }));
    await using relay = await startTestRelay(upstream.url);
    const frames = await readFrames(await post(`${relay.url}/chat/stream`, { message: 'x' }));
    assert.deepEqual(
      frames.map(({ event }) => event),
      ['text', 'text', 'error'],
    );
    const error = JSON.parse(frames.at(-1)!.data) as { code: string; message: string; retryable: boolean };
    assert.deepEqual([error.code, error.retryable], [code, retryable]);
  }
});

test('a stopped /chat/stream says stopped', async () => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/chat/stream`, { message: 'x' });
  await post(`${relay.url}/streams/${response.headers.get('x-stream-id')}/stop`, {});
  assert.equal((await readFrames(response)).at(-1)?.event, 'stopped');
});

test('a /chat/stream that nobody reads is stopped after 60 s, and not while somebody does', async (t) => {
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const memory = new MemoryStreamLog();
  let left = Promise.withResolvers<void>();
  let stops = 0;
  const log = logWith(memory, {
    wait: (id, after, signal) => {
      signal.addEventListener('abort', () => left.resolve());
      return memory.wait(id, after, signal);
    },
    requestStop: (id) => {
      stops += 1;
      return memory.requestStop(id);
    },
  });
  await using relay = await startTestRelay(upstream.url, { log });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const response = await post(`${relay.url}/chat/stream`, { message: 'x' });
  t.mock.timers.tick(120_000);
  assert.equal(stops, 0, 'somebody reads');
  // What was waited for until now has ended with pings.
  left = Promise.withResolvers<void>();
  await readUntil(response, ({ event }) => event === 'text');
  await left.promise;
  await new Promise(setImmediate);
  t.mock.timers.tick(59_999);
  assert.equal(stops, 0, 'there is time to come back');
  t.mock.timers.tick(1);
  assert.equal(stops, 1);
  await upstream.clientLeft();
  const state = await memory.state(response.headers.get('x-stream-id')!);
  assert.deepEqual(state?.ending, { type: 'stopped' });
});

test('a resume has the same frames as the stream it goes on with, also behind an error of upstream', async () => {
  const overloaded = sse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
  for (const [body, last] of [
    [cut + overloaded, 'millrace'],
    [`${cut}data: ${overloaded.split('data: ')[1]}`, 'millrace'],
    [cut, 'error'],
  ] as const) {
    await using upstream = await startRawServer(() => ({
      bytes: streamResponse(body) + cleanEnd,
      then: 'fin',
    }));
    await using relay = await startTestRelay(upstream.url, { calls: { recover: false } });
    const response = await post(`${relay.url}/streams`, ask('x'), { accept: events });
    const frames = await readFrames(response);
    assert.equal(frames.at(-1)?.event, last);
    for (const [index, { id }] of frames.slice(0, -1).entries()) {
      const rest = await fetch(`${relay.url}/streams/${response.headers.get('x-stream-id')}`, {
        headers: { accept: events, 'last-event-id': id! },
      });
      assert.deepEqual(await readFrames(rest), frames.slice(index + 1));
    }
  }
});

test('a reader of text who comes back after a broken frame gets an ending, never an empty stream', async () => {
  const broken = `${cut}event: content_block_delta\ndata: {"ty\n\n`;
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(broken + sse(...messageEnd)) + cleanEnd,
    then: 'fin',
  }));
  await using relay = await startTestRelay(upstream.url);
  const response = await post(`${relay.url}/chat/stream`, { message: 'x' });
  const last = (await readFrames(response)).at(-1)!;
  assert.equal(last.event, 'error');
  const again = await fetch(`${relay.url}/streams/${response.headers.get('x-stream-id')}?format=text`, {
    headers: { accept: events, 'last-event-id': last.id! },
  });
  const [frame, ...others] = await readFrames(again);
  assert.deepEqual([frame?.event, frame?.data, others], ['error', last.data, []]);
});

test('GET /streams/:id tells of a message that still grows no more than lastId says', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  const memory = new MemoryStreamLog();
  let tail: EntryId | undefined;
  const log = logWith(memory, {
    state: async (id) => {
      const state = await memory.state(id);
      return state && { ...state, tail: tail ?? state.tail, ending: undefined };
    },
  });
  await using relay = await startTestRelay(upstream.url, { log });
  const response = await post(`${relay.url}/streams`, ask('echo one two three four'), { accept: events });
  const id = response.headers.get('x-stream-id')!;
  const frames = await readFrames(response);
  for (const [index, frame] of frames.entries()) {
    const [epoch = 0, sequence = 0] = frame.id!.split('-').map(Number);
    tail = { epoch, sequence };
    const state = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as {
      lastId: string;
      message: { content: { text: string }[] } | null;
    };
    assert.equal(state.lastId, frame.id);
    assert.equal(state.message?.content[0]?.text ?? '', textOf(frames.slice(0, index + 1)));
  }
});

test('bad requests of pages get a clear error in the API’s shape', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9');
  const json = { 'content-type': 'application/json' };
  const cases: [path: string, init: RequestInit, status: number, message: RegExp][] = [
    ['/streams', { method: 'POST', body: '{}' }, 415, /content-type: must be application\/json/],
    ['/streams', { method: 'POST', headers: json, body: '{' }, 400, /not valid JSON/],
    ['/streams', { method: 'POST', headers: json, body: '[]' }, 400, /must be a JSON object/],
    ['/streams', { method: 'POST', headers: json, body: '{}' }, 400, /messages: Field required/],
    [
      '/streams',
      { method: 'POST', headers: json, body: '{"messages":[],"conversation":7}' },
      400,
      /conversation: must be/,
    ],
    [
      '/streams',
      { method: 'POST', headers: { ...json, 'idempotency-key': 'k'.repeat(256) }, body: '{"messages":[]}' },
      400,
      /Idempotency-Key/,
    ],
    [
      '/streams',
      { method: 'POST', headers: { ...json, 'idempotency-key': '' }, body: '{"messages":[]}' },
      400,
      /Idempotency-Key: must have 1 to 255/,
    ],
    [
      '/streams?format=xml',
      { method: 'POST', headers: json, body: '{"messages":[]}' },
      400,
      /format: must be one of messages, text/,
    ],
    ['/streams', {}, 405, /Method Not Allowed/],
    ['/chat/stream', { method: 'POST', headers: json, body: '{}' }, 400, /message: must be a string/],
    [
      '/chat/stream',
      { method: 'POST', headers: json, body: '{"message":"x","system":7}' },
      400,
      /system: must be a string/,
    ],
    [
      '/chat/stream',
      { method: 'POST', headers: json, body: '{"message":"x","temperature":1}' },
      400,
      /temperature: is not supported/,
    ],
    ['/nothing', { method: 'POST' }, 404, /Not found/],
    ['/nothing', {}, 404, /Not found/],
  ];
  for (const [path, init, status, message] of cases) {
    const response = await fetch(relay.url + path, init);
    const body = (await response.json()) as { type: string; error: { message: string }; request_id: string };
    assert.equal(response.status, status, `${path} ${JSON.stringify(init.body)}`);
    assert.equal(body.type, 'error');
    assert.match(body.error.message, message);
  }
  const large = await post(`${relay.url}/streams`, ask('x'.repeat(1024 * 1024)));
  assert.equal(large.status, 413);
});
