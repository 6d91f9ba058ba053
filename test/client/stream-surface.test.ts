// MessageStream and MessageEvents by the names of the official SDK, in every order of use.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { MessageStream as OfficialMessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import { Stream as OfficialStream } from '@anthropic-ai/sdk/core/streaming';
import {
  ApiError,
  MessageEvents,
  MessageStream,
  Millrace,
  ReaderError,
  TruncatedError,
} from 'millrace/client';
import type { ClientOptions, MessageStreamListeners } from 'millrace/client';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
const whole = sse(messageStart, { type: 'ping' }, ...textEvents(0, 'Hel', 'lo'), ...messageEnd);
const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 2));

/** A client whose server answers with these bytes. */
function clientOf(body: string, options: ClientOptions = {}, init: ResponseInit = {}): Millrace {
  const headers = {
    'content-type': 'text/event-stream',
    'request-id': 'req_1',
    'anthropic-workspace-id': 'wrkspc_1',
  };
  return new Millrace({
    apiKey: 'k',
    retry: { maxRetries: 0 },
    fetch: async () => new Response(body, { headers, ...init }),
    ...options,
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The public names of a class and its instances; what begins with `_` is the official SDK's own. */
function namesOf(type: Function, instance: object): string[] {
  const names = [type.prototype as object, instance].flatMap((each) => Object.getOwnPropertyNames(each));
  const statics = Object.getOwnPropertyNames(type).map((name) => `static ${name}`);
  return [...names, ...statics].filter(
    (name) => !/^(static )?(_|constructor|length|name|prototype)/.test(name),
  );
}

test('MessageStream has every public name of the official one', () => {
  const ours = namesOf(MessageStream, clientOf(whole).messages.stream(params));
  const theirs = namesOf(OfficialMessageStream, new OfficialMessageStream(null));
  assert.ok(theirs.length > 20, theirs.join());
  assert.deepEqual(
    theirs.filter((name) => !ours.includes(name)),
    [],
  );
});

test('MessageEvents has every public name of the official Stream that reads parsed events', async () => {
  const ours = namesOf(MessageEvents, await clientOf(whole).messages.create({ ...params, stream: true }));
  const theirs = namesOf(
    OfficialStream,
    OfficialStream.fromReadableStream(new ReadableStream(), new AbortController()),
  );
  assert.ok(theirs.length > 5, theirs.join());
  // `iterator` is private by its types; `rawEvents` is below the level of events: asResponse() gives the bytes.
  const missing = theirs.filter((name) => !ours.includes(name));
  assert.deepEqual(missing, ['iterator', 'static rawEvents']);
});

test('MessageStream has its listeners by the official names, as the types see them', () => {
  type Official = Parameters<OfficialMessageStream['on']>[0];
  const names: Record<Official, keyof MessageStreamListeners> = {
    connect: 'connect',
    streamEvent: 'streamEvent',
    text: 'text',
    citation: 'citation',
    inputJson: 'inputJson',
    thinking: 'thinking',
    signature: 'signature',
    message: 'message',
    contentBlock: 'contentBlock',
    finalMessage: 'finalMessage',
    error: 'error',
    abort: 'abort',
    end: 'end',
  };
  assert.equal(Object.entries(names).filter(([theirs, ours]) => theirs !== ours).length, 0);
});

test('the properties of a MessageStream say what happened: complete', async () => {
  const stream = clientOf(whole).messages.stream(params);
  assert.deepEqual(
    [stream.ended, stream.errored, stream.aborted, stream.receivedMessages],
    [false, false, false, []],
  );
  assert.deepEqual(stream.messages, params.messages);
  const message = await stream.finalMessage();
  assert.deepEqual([stream.ended, stream.errored, stream.aborted], [true, false, false]);
  assert.deepEqual(stream.receivedMessages, [message]);
  assert.deepEqual(stream.messages, [...params.messages, { role: 'assistant', content: message.content }]);
  assert.deepEqual([stream.request_id, stream.workspace_id], ['req_1', 'wrkspc_1']);
  assert.equal(stream.controller.signal.aborted, false);
});

test('the properties of a MessageStream say what happened: cut, and aborted', async () => {
  const stream = clientOf(cut).messages.stream(params);
  await assert.rejects(stream.done(), TruncatedError);
  assert.deepEqual(
    [stream.ended, stream.errored, stream.aborted, stream.receivedMessages],
    [true, true, false, []],
  );
  const stopped = clientOf(whole).messages.stream(params);
  stopped.controller.abort('enough');
  await assert.rejects(stopped.done(), (reason) => reason === 'enough');
  assert.deepEqual([stopped.ended, stopped.errored, stopped.aborted], [true, true, true]);
});

test('controller.abort() of MessageEvents ends the answer also when nobody reads', async () => {
  const events = await clientOf(whole).messages.create({ ...params, stream: true });
  events.controller.abort('enough');
  await events.closed;
  assert.equal(events.ending?.type, 'aborted');
});

test('withResponse() gives stream and response as soon as the headers are there, or what went wrong', async () => {
  const stream = clientOf(whole).messages.stream(params);
  const { data, response, request_id, workspace_id } = await stream.withResponse();
  assert.equal(data, stream);
  assert.ok(response instanceof Response);
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/event-stream']);
  assert.deepEqual([request_id, workspace_id], ['req_1', 'wrkspc_1']);
  assert.equal(await data.finalText(), 'Hello');
  const body = JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message: 'no' } });
  const refused = clientOf(body, {}, { status: 400 }).messages.stream(params);
  await assert.rejects(refused.withResponse(), ApiError);
  const piped = MessageStream.fromReadableStream(clientOf(whole).messages.stream(params).toReadableStream());
  await assert.rejects(piped.withResponse(), TypeError);
});

test('create() hands over the response, beside its data or in its place', async () => {
  const streamed = clientOf(whole).messages.create({ ...params, stream: true });
  const { data, response, request_id } = await streamed.withResponse();
  assert.deepEqual([response.status, request_id], [200, 'req_1']);
  assert.equal((await collect(data)).length, 8);
  const raw = await clientOf(whole)
    .messages.create({ ...params, stream: true })
    .asResponse();
  assert.equal(await raw.text(), whole);
  const json = '{"id":"msg_1","type":"message","content":[]}';
  const client = clientOf(json, {}, { headers: { 'request-id': 'req_2' } });
  const message = await client.messages.create(params);
  assert.equal(message._request_id, 'req_2');
  assert.deepEqual(message, JSON.parse(json));
  assert.equal(await (await client.messages.create(params).asResponse()).text(), json);
  const both = await client.messages.create(params).withResponse();
  assert.deepEqual([both.data.id, both.request_id], ['msg_1', 'req_2']);
});

test('asResponse() takes the bytes: the events cannot be read as well', async () => {
  const asked = clientOf(whole).messages.create({ ...params, stream: true });
  const events = await asked;
  await asked.asResponse();
  await assert.rejects(collect(events), TypeError);
});

test('a listener that comes late is told of what comes once: connect, message, the endings', async () => {
  const stream = clientOf(whole).messages.stream(params);
  await stream.done();
  const seen: string[] = [];
  stream
    .on('connect', () => seen.push('connect'))
    .on('text', () => seen.push('never'))
    .once('message', ({ id }) => seen.push(`message ${id}`))
    .on('finalMessage', ({ id }) => seen.push(`finalMessage ${id}`))
    .on('error', () => seen.push('never'))
    .on('end', () => seen.push('end'));
  const removed = (): void => void seen.push('never');
  stream.on('end', removed).off('end', removed);
  await turnsUntil(() => seen.includes('end'));
  assert.deepEqual(seen, ['connect', 'message msg_1', 'finalMessage msg_1', 'end']);
});

test('finalMessage(), finalText(), done() and loops are right in every order', async () => {
  const stream = clientOf(whole).messages.stream(params);
  const loop = stream[Symbol.asyncIterator]();
  assert.equal((await loop.next()).value?.type, 'message_start');
  assert.equal(await stream.finalText(), 'Hello');
  assert.equal((await stream.finalMessage()).id, 'msg_1');
  await stream.done();
  assert.deepEqual(
    (await collect(loop)).map(({ type }) => type),
    (await collect(stream)).slice(1).map(({ type }) => type),
  );
});

test('next() called without waiting is served in order, and done behind the end', async () => {
  const loop = clientOf(whole).messages.stream(params)[Symbol.asyncIterator]();
  const results = await Promise.all(Array.from({ length: 10 }, () => loop.next()));
  assert.deepEqual(
    results.map(({ value }) => value?.type),
    [
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
      undefined,
      undefined,
    ],
  );
  const cutLoop = clientOf(cut).messages.stream(params)[Symbol.asyncIterator]();
  const settled = await Promise.allSettled(Array.from({ length: 6 }, () => cutLoop.next()));
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
});

test('a loop left by hand closes the connection, and await using leaves it', async () => {
  const stream = clientOf(whole).messages.stream(params);
  {
    await using loop = stream[Symbol.asyncIterator]();
    await loop.next();
  }
  await stream.closed;
  assert.equal(stream.ending?.type, 'aborted');
  assert.equal(stream.controller.signal.aborted, true);
});

test('emitted() resolves with what the listener would get', async () => {
  const stream = clientOf(whole).messages.stream(params);
  const [text, message, nothing] = await Promise.all([
    stream.emitted('text') satisfies Promise<[string, string]>,
    stream.emitted('finalMessage'),
    stream.emitted('end') satisfies Promise<void>,
  ]);
  assert.deepEqual(text, ['Hel', 'Hel']);
  assert.equal(message.id, 'msg_1');
  assert.equal(nothing, undefined);
  assert.equal((await stream.emitted('finalMessage')).id, 'msg_1');
});

test('emitted() rejects when the answer ends without it', async () => {
  const stream = clientOf(whole).messages.stream(params);
  await assert.rejects(stream.emitted('thinking'), { name: 'ReaderError', code: 'not_emitted' });
  const failing = clientOf(cut).messages.stream(params);
  const error = failing.emitted('error');
  await assert.rejects(failing.emitted('finalMessage'), TruncatedError);
  assert.ok((await error) instanceof TruncatedError);
});

test('a listener that throws or rejects is reported, and stops nothing', async () => {
  const failures: string[] = [];
  const stream = clientOf(whole).messages.stream(params);
  stream.on('listenerError', (error, name) => failures.push(`${name} ${String(error)}`));
  stream.on('text', () => {
    throw new Error('thrown');
  });
  stream.on('text', async () => Promise.reject(new Error('rejected')));
  const heard: string[] = [];
  stream.on('text', (delta) => heard.push(delta));
  assert.equal(await stream.finalText(), 'Hello');
  assert.deepEqual(heard, ['Hel', 'lo']);
  assert.deepEqual(failures.toSorted(), [
    'text Error: rejected',
    'text Error: rejected',
    'text Error: thrown',
    'text Error: thrown',
  ]);
});

test('a failing listener goes to the logger when nobody listens for it', async () => {
  const logged: unknown[] = [];
  const logger = { warn: (message: string, details: object) => logged.push([message, details]) };
  const error = new Error('mine');
  const stream = clientOf(whole, { logger }).messages.stream(params);
  stream.once('connect', () => {
    throw error;
  });
  await stream.done();
  assert.deepEqual(logged, [['A listener of "connect" failed', { error }]]);
});

test('no promise of a stream that nobody looks at is an unhandled rejection', async (t) => {
  const unhandled: unknown[] = [];
  const listen = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', listen);
  t.after(() => process.off('unhandledRejection', listen));
  const stream = clientOf(cut).messages.stream(params);
  void stream.finalMessage();
  void stream.finalText();
  void stream.done();
  void stream.emitted('finalMessage');
  void stream.withResponse();
  await assert.rejects(collect(stream), TruncatedError);
  const refused = clientOf('{}', {}, { status: 400 }).messages.create(params);
  await assert.rejects(refused.asResponse(), ApiError);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(unhandled, []);
});

test('connect and retry can be listened to without asking for the answer', async () => {
  let pulled = 0;
  const body = new ReadableStream({
    pull: (controller) => {
      pulled += 1;
      controller.enqueue(new TextEncoder().encode(sse({ type: 'ping' })));
    },
  });
  const client = clientOf('', { fetch: async () => new Response(body) });
  const stream = client.messages.stream(params).on('retry', () => undefined);
  await new Promise((resolve) => stream.on('connect', () => resolve(undefined)));
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  assert.ok(pulled <= 1, `${pulled} chunks`);
  await stream[Symbol.asyncDispose]();
});

test('code written for the official SDK runs with the import changed', async () => {
  const fetch = async (): Promise<Response> =>
    new Response(whole, { headers: { 'content-type': 'text/event-stream', 'request-id': 'req_1' } });
  const texts: string[] = [];
  const official = new Anthropic({ apiKey: 'k', fetch }) as unknown as Millrace;
  for (const client of [official, new Millrace({ apiKey: 'k', fetch })]) {
    const stream = client.messages.stream(params).on('text', (delta: string) => void texts.push(delta));
    const message = await stream.finalMessage();
    assert.equal(message.stop_reason, 'end_turn');
    assert.equal(stream.ended, true);
    const { data, request_id } = await client.messages.create({ ...params, stream: true }).withResponse();
    const types: string[] = [];
    for await (const event of data) types.push(event.type);
    assert.equal(types.at(-1), 'message_stop');
    assert.equal(request_id, 'req_1');
  }
  assert.deepEqual(texts, ['Hel', 'lo', 'Hel', 'lo']);
});

test('a late reader, and one that fell far behind, has all of an answer of many thousands of events', async () => {
  const deltas = Array.from({ length: 20_000 }, (_, index) => `${index} `);
  const body = sse(messageStart, ...textEvents(0, ...deltas), ...messageEnd);
  const stream = clientOf(body).messages.stream(params);
  const slow = stream[Symbol.asyncIterator]();
  await slow.next();
  await stream.done();
  assert.equal((await collect(stream.textStream)).join(''), deltas.join(''));
  assert.equal((await collect(slow)).length + 1, (await collect(stream)).length);
});

test('a late reader of events that are no longer kept gets a coded error; one that reads along does not notice', async () => {
  const deltas = Array.from({ length: 5000 }, (_, index) => `${index} `);
  const body = sse(messageStart, ...textEvents(0, ...deltas), ...messageEnd);
  const stream = clientOf(body).messages.stream(params, { maxKeptBytes: 10_000 });
  assert.equal((await collect(stream.textStream)).join(''), deltas.join(''));
  await assert.rejects(collect(stream), (error) => {
    assert.ok(error instanceof ReaderError);
    assert.equal(error.code, 'events_dropped');
    return true;
  });
  assert.equal(await stream.finalText(), deltas.join(''), 'the message is whole all the same');
  assert.throws(() => clientOf(body).messages.stream(params, { maxKeptBytes: -1 }), RangeError);
});

test('a loop that falls behind the others by more than is kept gets the same error', async () => {
  const body = sse(messageStart, ...textEvents(0, ...Array.from({ length: 5000 }, String)), ...messageEnd);
  const stream = clientOf(body).messages.stream(params, { maxKeptBytes: 10_000 });
  const slow = stream[Symbol.asyncIterator]();
  await slow.next();
  await stream.done();
  await assert.rejects(collect(slow), { code: 'events_dropped' });
  assert.equal(stream.ending?.type, 'complete');
});

test('tee() gives two readers at their own pace, and closes the connection when both have left', async () => {
  const open = async () => clientOf(whole).messages.create({ ...params, stream: true });
  const events = await open();
  const [left, right] = events.tee();
  const first = await collect(left);
  assert.equal(first.length, 8);
  assert.deepEqual(await collect(right), first);
  await assert.rejects(collect(events), TypeError);
  const [one, other] = (await open()).tee();
  for await (const event of one) if (event.type === 'ping') break;
  assert.equal(one.ending, undefined, 'the other may still read');
  for await (const event of other) if (event.type === 'content_block_start') break;
  assert.equal(other.ending?.type, 'aborted');
});

test('tee() is bounded: the reader that stays behind too far fails, the other goes on', async () => {
  const body = sse(messageStart, ...textEvents(0, ...Array.from({ length: 5000 }, String)), ...messageEnd);
  const events = await clientOf(body).messages.create({ ...params, stream: true }, { maxKeptBytes: 10_000 });
  const [fast, slow] = events.tee();
  const loop = slow[Symbol.asyncIterator]();
  await loop.next();
  assert.equal((await collect(fast)).at(-1)?.type, 'message_stop');
  await assert.rejects(collect(loop), { code: 'events_dropped' });
});

test('MessageEvents.fromSSEResponse() reads a response that came in another way', async () => {
  const events = MessageEvents.fromSSEResponse(new Response(whole, { headers: { 'request-id': 'req_9' } }));
  assert.equal((await collect(events)).length, 8);
  assert.equal(events.request_id, 'req_9');
  const broken = MessageEvents.fromSSEResponse(new Response(cut));
  await assert.rejects(collect(broken), TruncatedError);
  assert.deepEqual(broken.message?.content, [{ type: 'text', text: 'Hel' }]);
});
