// What goes wrong with streams, one test each, against the simulator: none hangs, none looks like an answer, and what
// had arrived is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ApiError,
  ConnectionError,
  Millrace,
  ProtocolError,
  ResponseError,
  TimeoutError,
} from 'millrace/client';
import type { ClientEvent, ClientOptions, MessageParams, MessageStream } from 'millrace/client';
import { startSimulator } from 'millrace/simulator';
import type { Fault } from 'millrace/simulator';
import { IdleClock } from '../support/idle-clock.ts';

const params: MessageParams = {
  model: 'claude-haiku-4-5',
  max_tokens: 4000,
  messages: [{ role: 'user', content: 'markdown' }],
};

interface Broken {
  readonly error: unknown;
  readonly stream: MessageStream;
  readonly client: Millrace;
}

/** Streams an answer under these faults, once. */
async function streamUnder(
  faults: Fault | readonly Fault[],
  options: ClientOptions & { params?: Partial<MessageParams> } = {},
): Promise<Broken> {
  await using simulator = await startSimulator({ speed: 0, faults });
  const { params: own, ...others } = options;
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url, retry: { maxRetries: 0 }, ...others });
  const stream = client.messages.stream({ ...params, ...own });
  const error: unknown = await stream.done().catch((reason: unknown) => reason);
  return { error, stream, client };
}

function textOf({ currentMessage }: MessageStream): string {
  return currentMessage?.content.map((block) => (block.type === 'text' ? block.text : '')).join('') ?? '';
}

const wholeText = await streamUnder([]).then(({ stream }) => textOf(stream));

function assertPartial(stream: MessageStream): void {
  const text = textOf(stream);
  assert.ok(
    text.length > 0 && text.length < wholeText.length,
    `${text.length} of ${wholeText.length} characters`,
  );
  assert.ok(wholeText.startsWith(text));
}

test('a connection that is reset, or closed in the middle, is a ConnectionError with the partial message', async () => {
  for (const by of ['rst', 'fin'] as const) {
    const { error, stream } = await streamUnder({ kind: 'cut', atEvent: 30, by, lingerMs: 0 });
    assert.ok(error instanceof ConnectionError, by);
    assert.deepEqual([error.code, error.phase], ['connection_failed', 'body']);
    assert.equal(stream.ending?.type, 'failed');
  }
});

test('a stall with and without pings ends stalled, with the limit that was reached', async () => {
  const cases = [
    [{ kind: 'stall', atEvent: 30, pings: false }, { idleMs: 1000 }, 'idle_timeout'],
    [{ kind: 'stall', atEvent: 30, pings: true, pingMs: 1 }, { progressMs: 40 }, 'progress_timeout'],
  ] as const;
  for (const [fault, timeouts, code] of cases) {
    await using simulator = await startSimulator({ speed: 0, faults: fault });
    const clock = new IdleClock();
    const { url: baseURL } = simulator;
    const client = new Millrace({ apiKey: 'k', baseURL, retry: { maxRetries: 0 }, timeouts, clock });
    const stream = client.messages.stream(params);
    const ended = stream.done().catch((reason: unknown) => reason);
    await simulator.waitFor(({ eventsSent }) => eventsSent >= 30);
    await stream.emitted('text');
    if (fault.pings) await stream.emitted('ping');
    const error = await clock.until(ended, Infinity);
    assert.ok(error instanceof TimeoutError);
    assert.equal(error.code, code);
    assert.equal(stream.ending?.type, 'stalled');
    assertPartial(stream);
  }
});

test('a connection that stays open behind message_stop is no reason to wait', async () => {
  const { error, stream } = await streamUnder({ kind: 'never_close' });
  assert.equal(error, undefined);
  assert.equal(stream.ending?.type, 'complete');
  assert.equal(textOf(stream), wholeText);
});

test('a 200 with JSON, HTML or nothing is a ResponseError with content type and the body’s beginning', async () => {
  const bodies = [
    ['json', /^application\/json/, /^\{/],
    ['html', /^text\/html/, /^<!doctype html>|^<html/i],
    ['nothing', /./, /^$/],
  ] as const;
  for (const [body, type, excerpt] of bodies) {
    const { error } = await streamUnder({ kind: 'body', body });
    assert.ok(error instanceof ResponseError, body);
    assert.match(error.contentType ?? '-', type);
    assert.match(error.excerpt, excerpt);
  }
});

test('a page whose end does not come is a ResponseError when time is over, and is not asked for again', async () => {
  const page = new TextEncoder().encode('<h1>Sign in</h1>');
  let requests = 0;
  // Its bytes are there without any waiting, so that no limit of time comes before them.
  const fetch = async (): Promise<Response> => {
    requests += 1;
    const body = new ReadableStream({ start: (controller) => controller.enqueue(page) });
    return new Response(body, { headers: { 'content-type': 'text/html' } });
  };
  const clock = new IdleClock();
  const client = new Millrace({ apiKey: 'k', fetch, clock });
  for (const timeouts of [{}, { idleMs: Infinity }]) {
    const ended = client.messages.stream(params, { timeouts }).done();
    const error = await clock.until(
      ended.catch((reason: unknown) => reason),
      Infinity,
    );
    assert.ok(error instanceof ResponseError, String(error));
    assert.deepEqual([error.contentType, error.excerpt], ['text/html', '<h1>Sign in</h1>']);
  }
  assert.equal(requests, 2);
});

test('an error event in the middle is the error it would be over HTTP, with the partial message', async () => {
  const { error, stream } = await streamUnder({ kind: 'error_event', type: 'overloaded_error', atEvent: 30 });
  assert.ok(error instanceof ApiError);
  assert.deepEqual([error.status, error.type], [529, 'overloaded_error']);
  assert.match(error.requestId ?? '', /^req_/);
  assertPartial(stream);
});

test('an error object without an event name is an error all the same', async () => {
  const { error } = await streamUnder([
    { kind: 'data_only' },
    { kind: 'error_event', type: 'api_error', atEvent: 30 },
  ]);
  assert.ok(error instanceof ApiError);
  assert.equal(error.status, 500);
});

test('odd framing gives the same answer: data alone, CRLF, one byte a write, many events a write, [DONE]', async () => {
  const faults: Fault[] = [
    { kind: 'data_only' },
    { kind: 'crlf' },
    { kind: 'split', bytes: 1 },
    { kind: 'merge', events: 50 },
    { kind: 'done' },
    { kind: 'content_type', value: 'text/plain' },
    { kind: 'unknown_event' },
    { kind: 'unknown_delta' },
  ];
  for (const fault of faults) {
    const { error, stream } = await streamUnder(fault, {
      params: { messages: [{ role: 'user', content: 'echo für 水車 🌊 and the rest' }] },
    });
    assert.equal(error, undefined, fault.kind);
    assert.equal(textOf(stream), 'für 水車 🌊 and the rest', fault.kind);
  }
});

test('an unknown block and a huge event pass through', async () => {
  const unknown = await streamUnder({ kind: 'unknown_block' });
  assert.equal(unknown.error, undefined);
  assert.equal(unknown.stream.currentMessage?.content.length, 2);
  const huge = await streamUnder({ kind: 'huge_event', bytes: 5_000_000 });
  assert.equal(huge.error, undefined);
  assert.ok(textOf(huge.stream).length > 4_900_000);
});

test('data that is no JSON is a ProtocolError with the offending text and the partial message', async () => {
  const { error, stream } = await streamUnder({ kind: 'invalid_json', atEvent: 30 });
  assert.ok(error instanceof ProtocolError);
  assert.equal(error.code, 'invalid_json');
  assert.notEqual(error.excerpt, undefined);
  assert.equal(error.requestId, stream.request_id);
  assert.match(String(error.requestId), /^req_/);
  assertPartial(stream);
});

test('blocks in disorder stand where their index says, and one that begins twice is kept twice', async () => {
  const own = { messages: [{ role: 'user' as const, content: 'think about it' }] };
  const inOrder = await streamUnder([], { params: own });
  const disorder = await streamUnder({ kind: 'out_of_order', index: 0 }, { params: own });
  assert.equal(disorder.error, undefined);
  const types = (broken: Broken): string[] =>
    broken.stream.currentMessage?.content.map(({ type }) => type) ?? [];
  assert.deepEqual(types(disorder), types(inOrder).toReversed());
  const twice = await streamUnder({ kind: 'duplicate_block', index: 0 });
  assert.equal(textOf(twice.stream), wholeText);
});

test('tool input that max_tokens cut is marked incomplete, and the message stands', async () => {
  const messages = [{ role: 'user' as const, content: 'use a tool' }];
  const whole = await streamUnder([], { params: { messages } });
  const most = whole.stream.currentMessage?.usage.output_tokens ?? 0;
  const { error, stream } = await streamUnder([], { params: { messages, max_tokens: most - 8 } });
  assert.equal(error, undefined);
  assert.equal(stream.currentMessage?.stop_reason, 'max_tokens');
  const tool = stream.currentMessage.content.at(-1);
  assert.equal(tool?.type, 'tool_use');
  assert.equal(stream.inputOf(tool)?.complete, false);
});

test('a wait that the server asks for and that is too long is on the error, and not waited', async () => {
  const { error } = await streamUnder({ kind: 'status', status: 529, retryAfter: 3600 }, { retry: {} });
  assert.ok(error instanceof ApiError);
  assert.equal(error.retryAfterMs, 3_600_000);
});

test('whoever iterates after finalMessage() gets the whole story', async () => {
  const { stream } = await streamUnder([]);
  const events: ClientEvent[] = [];
  for await (const event of stream) events.push(event);
  assert.equal(events[0]?.type, 'message_start');
  assert.equal(events.at(-1)?.type, 'message_stop');
});

test('the message_start that was yielded does not change later', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  let first: string | undefined;
  let kept: ClientEvent | undefined;
  for await (const event of await client.messages.create({ ...params, stream: true })) {
    kept ??= event;
    first ??= JSON.stringify(event);
  }
  assert.equal(JSON.stringify(kept), first);
});

test('an abort during create() rejects with its reason', async () => {
  await using simulator = await startSimulator({ speed: 0, faults: { kind: 'slow_headers', ms: 3_600_000 } });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const controller = new AbortController();
  const reason = new Error('not any more');
  const creating = client.messages.create({ ...params, stream: true }, { signal: controller.signal });
  await simulator.waitFor(({ body }) => body !== undefined);
  controller.abort(reason);
  await assert.rejects(creating, reason);
});
