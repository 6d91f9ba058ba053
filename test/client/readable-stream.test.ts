// toReadableStream() and fromReadableStream(), with each other and with the official SDK on either side.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { MessageStream as OfficialMessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import fc from 'fast-check';
import {
  ApiError,
  ConfigurationError,
  ConnectionError,
  MessageEvents,
  MessageStream,
  Millrace,
  ProtocolError,
  ReaderError,
  ResponseError,
  TimeoutError,
  TruncatedError,
} from 'millrace/client';
import type { ClientEvent } from 'millrace/client';
import type { StreamEvent } from 'millrace/protocol';
import { blockEvents, messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
const events: readonly StreamEvent[] = [
  messageStart,
  { type: 'ping' },
  ...blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: 'hm' },
    { type: 'signature_delta', signature: 'sig' },
  ]),
  ...textEvents(1, 'Für ', '水車 🌊'),
  ...toolEvents(2, '', '{"city":"Pa', 'ris"}'),
  ...messageEnd,
];
const whole = sse(...events);
const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 2));

function clientOf(...bodies: readonly string[]): Millrace {
  const left = [...bodies];
  const fetch = async (): Promise<Response> =>
    new Response(left.length > 1 ? left.shift() : left[0], {
      headers: { 'content-type': 'text/event-stream', 'request-id': 'req_1' },
    });
  return new Millrace({ apiKey: 'k', fetch, retry: { maxRetries: 0 } });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** A stream as another process gets it: the same bytes, cut otherwise. */
function cutAt(readable: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  return readable.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        for (let start = 0; start < chunk.length; start += bytes)
          controller.enqueue(chunk.slice(start, start + bytes));
      },
    }),
  );
}

/** Lines as bytes: what a network makes of a stream, whose failure is lost behind its last bytes. */
async function textOf(readable: ReadableStream<Uint8Array>): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of readable) text += decoder.decode(chunk, { stream: true });
  } catch {
    // The other process sees a closed connection at most.
  }
  return text;
}

test('what our toReadableStream() gives, the official fromReadableStream() reads', async () => {
  const ours = clientOf(whole).messages.stream(params);
  const theirs = OfficialMessageStream.fromReadableStream(ours.toReadableStream());
  // `parsed_output` is what the official SDK adds to every message.
  const { parsed_output: _, ...message } = await theirs.finalMessage();
  const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));
  assert.deepEqual(plain(message), plain(await ours.finalMessage()));
  const fromEvents = await clientOf(whole).messages.create({ ...params, stream: true });
  const again = OfficialMessageStream.fromReadableStream(fromEvents.toReadableStream());
  assert.equal((await again.finalMessage()).content.length, 3);
});

test('what the official toReadableStream() gives, our fromReadableStream() reads', async () => {
  const fetch = async (): Promise<Response> => new Response(whole);
  const official = new Anthropic({ apiKey: 'k', fetch });
  const ours = MessageStream.fromReadableStream(official.messages.stream(params).toReadableStream());
  const texts: string[] = [];
  ours.on('text', (delta) => texts.push(delta));
  const message = await ours.finalMessage();
  assert.deepEqual(message.content, (await clientOf(whole).messages.stream(params).finalMessage()).content);
  assert.deepEqual(texts, ['Für ', '水車 🌊']);
  const stream = await official.messages.create({ ...params, stream: true });
  const read = MessageEvents.fromReadableStream(stream.toReadableStream());
  assert.equal((await collect(read)).at(-1)?.type, 'message_stop');
});

test('ours to ours gives the same events, wherever the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (bytes) => {
      const readable = cutAt(clientOf(whole).messages.stream(params).toReadableStream(), bytes);
      const read = MessageStream.fromReadableStream(readable);
      assert.deepEqual(await collect(read), events);
      assert.equal(read.ending?.type, 'complete');
    }),
    { numRuns: 20 },
  );
});

test('an error goes through as an error with its type, to our reader', async () => {
  const overloaded = { type: 'overloaded_error', message: 'Overloaded', details: { x: 1 } } as const;
  const body = cut + sse({ type: 'error', error: overloaded, request_id: 'req_9' });
  for (const isNetwork of [false, true]) {
    const readable = clientOf(body).messages.stream(params).toReadableStream();
    const source = isNetwork ? new Response(await textOf(readable)).body! : readable;
    const read = MessageStream.fromReadableStream(source);
    await assert.rejects(read.done(), (error) => {
      assert.ok(error instanceof ApiError);
      const { type, status, message, requestId, details, partial } = error;
      assert.deepEqual(
        [type, status, message, requestId, details, partial?.content],
        ['overloaded_error', 529, 'Overloaded', 'req_9', { x: 1 }, [{ type: 'text', text: 'Hel' }]],
      );
      return true;
    });
    assert.equal(read.ending?.type, 'failed');
  }
});

test('every kind of error keeps its class, code and fields over lines', async () => {
  const errors: [error: Error, ending: string][] = [
    [new ApiError({ type: 'rate_limit_error', message: 'slow' }, { status: 429, retryAfterMs: 7 }), 'failed'],
    [new ProtocolError('invalid_json', 'not JSON', { excerpt: '{"' }), 'failed'],
    [new ConnectionError('connect', 'refused', { cause: undefined }), 'failed'],
    [new TimeoutError('idle_timeout', 90_000), 'stalled'],
    [new TruncatedError(undefined, 'req_1'), 'truncated'],
    [
      new ResponseError('not_an_event_stream', { status: 200, contentType: 'text/html', excerpt: '<' }),
      'failed',
    ],
    [new ConfigurationError('missing_api_key', 'no key'), 'failed'],
    [new DOMException('The loop was left', 'AbortError'), 'aborted'],
  ];
  for (const [error, type] of errors) {
    const failing = new ReadableStream({ pull: (controller) => controller.error(error) });
    const lines = await textOf(MessageStream.fromReadableStream(failing).toReadableStream());
    const read = MessageStream.fromReadableStream(new Response(lines).body!);
    await read.done().catch(() => undefined);
    const { ending } = read;
    assert.equal(ending?.type, type);
    assert.ok(ending !== undefined && 'error' in ending);
    const seen = ending.error as Error & Record<string, unknown>;
    assert.equal(seen.constructor, error.constructor);
    const { partial: _, stack: __, cause: ___, ...fields } = error as Error & Record<string, unknown>;
    for (const [name, value] of Object.entries(fields)) assert.deepEqual(seen[name], value, name);
    assert.equal(seen.message, error.message);
  }
});

test('an error reaches the official reader too: never a clean end', async () => {
  const ours = clientOf(cut).messages.stream(params);
  const theirs = OfficialMessageStream.fromReadableStream(ours.toReadableStream());
  await assert.rejects(theirs.finalMessage(), (error) => {
    assert.ok(error instanceof Anthropic.AnthropicError);
    assert.ok(error.cause instanceof TruncatedError);
    return true;
  });
});

test('lines that stop without message_stop are a truncation, and lines that are no JSON a ProtocolError', async () => {
  const cases: [lines: string, error: object][] = [
    ['{"type":"message_start","message":{"id":"m","content":[]}}\n', { code: 'truncated' }],
    ['', { code: 'truncated' }],
    ['{"type":"mess', { code: 'invalid_json', excerpt: '{"type":"mess' }],
    ['<html>\n', { code: 'invalid_json' }],
    ['{"type":"content_block_delta"}\n', { code: 'invalid_event' }],
    ['7\n', { code: 'invalid_event' }],
    ['{"type":"error","error":"no","millrace":7}\n', { name: 'ApiError', code: 'api_error', message: 'no' }],
    ['{"type":"error","error":{"type":"x","message":"y"},"millrace":{"name":"Other"}}\n', { code: 'x' }],
  ];
  for (const [lines, error] of cases) {
    await assert.rejects(MessageStream.fromReadableStream(new Response(lines).body!).done(), error);
  }
});

/** What a client with `recover` yields when block 1 was begun anew. */
const recovered: readonly (StreamEvent | ClientEvent)[] = [
  messageStart,
  ...textEvents(0, 'one'),
  ...toolEvents(1, '{"a').slice(0, 2),
  { type: 'recover', from_index: 1, attempt: 2, reason: 'connection_failed' },
  ...textEvents(1, 'two'),
  ...messageEnd,
];

function linesOf(items: readonly object[]): ReadableStream<Uint8Array> {
  return new Response(items.map((item) => `${JSON.stringify(item)}\n`).join('')).body!;
}

test('a recovery that takes back what was written fails the stream with its type, for readers that cannot', async () => {
  const stream = MessageStream.fromReadableStream(linesOf(recovered));
  const read = MessageStream.fromReadableStream(stream.toReadableStream());
  await assert.rejects(read.done(), (error) => {
    assert.ok(error instanceof ReaderError);
    assert.equal(error.code, 'taken_back');
    return true;
  });
  const theirs = OfficialMessageStream.fromReadableStream(
    MessageStream.fromReadableStream(linesOf(recovered)).toReadableStream(),
  );
  await assert.rejects(theirs.finalMessage(), /begun anew at block 1/);
});

test('a recovery comes through whole for readers that know it', async () => {
  const stream = MessageStream.fromReadableStream(linesOf(recovered));
  const read = MessageStream.fromReadableStream(stream.toReadableStream({ recover: true }));
  const heard: number[] = [];
  read.on('recover', ({ from_index }) => heard.push(from_index));
  assert.equal(await read.finalText(), 'onetwo');
  assert.deepEqual(heard, [1]);
  assert.equal((await read.finalMessage()).content.length, 2);
});

test('a recovery that takes nothing back disturbs no reader', async () => {
  const goesOn = [
    messageStart,
    ...textEvents(0, 'one ').slice(0, 2),
    { type: 'recover', from_index: 1, attempt: 2, reason: 'connection_failed' },
    ...textEvents(0, 'one ', 'two').slice(2),
    ...messageEnd,
  ];
  const stream = MessageStream.fromReadableStream(linesOf(goesOn));
  const theirs = OfficialMessageStream.fromReadableStream(stream.toReadableStream());
  assert.equal(await theirs.finalText(), 'one two');
});

test('toReadableStream() reads no further than it is read, and cancelling it leaves the answer', async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => {
      pulled += 1;
      controller.enqueue(new TextEncoder().encode(pulled === 1 ? sse(messageStart) : sse({ type: 'ping' })));
    },
  });
  const stream = new Millrace({ apiKey: 'k', fetch: async () => new Response(body) }).messages.stream(params);
  const reader = stream.toReadableStream().getReader();
  await reader.read();
  await reader.read();
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  assert.ok(pulled <= 4, `${pulled} chunks for 2 events`);
  await reader.cancel();
  await stream.closed;
  assert.equal(stream.ending?.type, 'aborted');
});

test('cancelling what toReadableStream() gave closes the connection also before the first read', async () => {
  const client = clientOf(whole);
  const stream = client.messages.stream(params);
  await stream.toReadableStream().cancel();
  await stream.closed;
  assert.equal(stream.ending?.type, 'aborted');
  const events = await client.messages.create({ ...params, stream: true });
  await events.toReadableStream().cancel();
  assert.equal(events.ending?.type, 'aborted');
});

test('abort() of a stream that is read from lines cancels them', async () => {
  let reason: unknown;
  const readable = new ReadableStream({
    cancel: (why) => {
      reason = why;
    },
  });
  const stream = MessageStream.fromReadableStream(readable);
  const done = stream.done();
  stream.abort('enough');
  await assert.rejects(done, (why) => why === 'enough');
  assert.equal(reason, 'enough');
  assert.equal(stream.aborted, true);
});
