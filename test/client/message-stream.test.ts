import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import {
  ApiError,
  ConnectionError,
  Millrace,
  ProtocolError,
  ResponseError,
  TruncatedError,
} from 'millrace/client';
import type { ClientEvent, MessageStream } from 'millrace/client';
import { startSimulator } from 'millrace/simulator';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawAnswer } from '../support/raw-server.ts';
import { blockEvents, messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

/** One attempt: what becomes of others is in attempts.test.ts. */
const once = { retry: { maxRetries: 0 } };

/** Runs `use` with a client whose server answers with exactly these bytes. */
async function withAnswer(answer: RawAnswer, use: (client: Millrace) => Promise<void>): Promise<void> {
  await using server = await startRawServer(() => answer);
  await use(new Millrace({ apiKey: 'k', baseURL: server.url, ...once }));
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The events before the failure, and the failure. */
async function collectUntilError(
  stream: AsyncIterable<ClientEvent>,
): Promise<{ types: string[]; error: unknown }> {
  const types: string[] = [];
  try {
    for await (const event of stream) types.push(event.type);
  } catch (error) {
    return { types, error };
  }
  return { types, error: undefined };
}

const whole = sse(messageStart, { type: 'ping' }, ...textEvents(0, 'Hel', 'lo'), ...messageEnd);
const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 2));

test('MessageStream gives text, events and the final message of a simulated answer', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const stream = client.messages.stream({
    ...params,
    messages: [{ role: 'user', content: 'echo für 水車 🌊' }],
  });
  const text = (await collect(stream.textStream)).join('');
  assert.match(text, /für 水車 🌊/);
  assert.equal(await stream.finalText(), text);
  const message = await stream.finalMessage();
  assert.equal(message.stop_reason, 'end_turn');
  const { request_id } = stream;
  assert.match(request_id ?? '', /^req_/);
  assert.deepEqual(stream.ending, { type: 'complete', message, usage: message.usage, request_id });
});

test('MessageStream calls each listener by the official names, in order', async () => {
  const citation = {
    type: 'char_location',
    cited_text: 'x',
    document_index: 0,
    document_title: null,
  } as const;
  const body = sse(
    messageStart,
    { type: 'ping' },
    ...blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: 'hm' },
      { type: 'signature_delta', signature: 'sig' },
    ]),
    ...blockEvents(1, { type: 'text', text: '' }, [
      { type: 'text_delta', text: 'Hel' },
      { type: 'text_delta', text: 'lo' },
      { type: 'citations_delta', citation: { ...citation, start_char_index: 0, end_char_index: 1 } },
    ]),
    ...toolEvents(2, '', '{"city":"Pa', 'ris"}'),
    ...messageEnd,
  );
  await withAnswer({ bytes: streamResponse(body) + cleanEnd, then: 'fin' }, async (client) => {
    const seen: string[] = [];
    const stream = client.messages
      .stream(params)
      .on('connect', () => seen.push('connect'))
      .on('ping', () => seen.push('ping'))
      .on('thinking', (delta, snapshot) => seen.push(`thinking ${delta} ${snapshot}`))
      .on('signature', (signature) => seen.push(`signature ${signature}`))
      .on('text', (delta, snapshot) => seen.push(`text ${delta} ${snapshot}`))
      .on('citation', (_, snapshot) => seen.push(`citation ${snapshot.length}`))
      .on('inputJson', (delta, snapshot) => seen.push(`inputJson ${delta} ${JSON.stringify(snapshot)}`))
      .on('contentBlock', (block) => seen.push(`contentBlock ${block.type}`))
      .on('message', (message) => seen.push(`message ${message.content.length}`))
      .on('finalMessage', (message) => seen.push(`finalMessage ${message.stop_reason}`))
      .on('end', () => seen.push('end'));
    await stream.done();
    assert.deepEqual(seen, [
      'connect',
      'ping',
      'thinking hm hm',
      'signature sig',
      'contentBlock thinking',
      'text Hel Hel',
      'text lo Hello',
      'citation 1',
      'contentBlock text',
      'inputJson  {}',
      'inputJson {"city":"Pa {"city":"Pa"}',
      'inputJson ris"} {"city":"Paris"}',
      'contentBlock tool_use',
      'message 3',
      'finalMessage end_turn',
      'end',
    ]);
  });
});

test('MessageStream tells the whole story to whoever iterates late, again, or at the same time', async () => {
  await withAnswer({ bytes: streamResponse(whole) + cleanEnd, then: 'fin' }, async (client) => {
    const stream = client.messages.stream(params);
    const [first, second] = await Promise.all([collect(stream), collect(stream)]);
    await stream.finalMessage();
    const late = await collect(stream);
    assert.equal(first.length, 8);
    assert.deepEqual(second, first);
    assert.deepEqual(late, first);
    assert.equal((await collect(stream.textStream)).join(''), 'Hello');
  });
});

test('MessageStream once() and off() end listening', async () => {
  await withAnswer({ bytes: streamResponse(whole) + cleanEnd, then: 'fin' }, async (client) => {
    const seen: string[] = [];
    const never = (): void => void seen.push('never');
    await client.messages
      .stream(params)
      .once('text', (delta) => seen.push(delta))
      .on('text', never)
      .off('text', never)
      .done();
    assert.deepEqual(seen, ['Hel']);
  });
});

test('MessageStream is finished at message_stop, whatever the server does with the connection', async () => {
  await using server = await startRawServer(() => ({ bytes: streamResponse(whole), then: 'hold' }));
  const stream = new Millrace({ apiKey: 'k', baseURL: server.url }).messages.stream(params);
  assert.equal(await stream.finalText(), 'Hello');
  await server.clientLeft();
});

test('a clean end before message_stop is a truncation with the partial message, never a success', async () => {
  await withAnswer({ bytes: streamResponse(cut) + cleanEnd, then: 'fin' }, async (client) => {
    const stream = client.messages.stream(params);
    const { types, error } = await collectUntilError(stream);
    assert.deepEqual(types, ['message_start', 'content_block_start', 'content_block_delta']);
    assert.ok(error instanceof TruncatedError);
    assert.equal(error.code, 'truncated');
    assert.equal(error.requestId, 'req_test');
    assert.deepEqual(error.partial?.content, [{ type: 'text', text: 'Hel' }]);
    assert.equal(stream.ending?.type, 'truncated');
    await assert.rejects(() => stream.finalMessage(), TruncatedError);
    await assert.rejects(() => stream.done(), TruncatedError);
    const created = await client.messages.create({ ...params, stream: true });
    assert.ok((await collectUntilError(created)).error instanceof TruncatedError);
    assert.equal(created.ending?.type, 'truncated');
  });
});

test('a reset connection is a ConnectionError with the partial message', async () => {
  await withAnswer({ bytes: streamResponse(cut), then: 'rst' }, async (client) => {
    const { error } = await collectUntilError(await client.messages.create({ ...params, stream: true }));
    assert.ok(error instanceof ConnectionError, String(error));
    assert.deepEqual([error.code, error.phase], ['connection_failed', 'body']);
    assert.deepEqual(error.partial?.content, [{ type: 'text', text: 'Hel' }]);
  });
});

test('a server that is not there is a ConnectionError of the connect phase', async () => {
  await using server = await startRawServer(() => ({ bytes: '', then: 'fin' }));
  const { url } = server;
  await server[Symbol.asyncDispose]();
  const client = new Millrace({ apiKey: 'k', baseURL: url, ...once });
  await assert.rejects(client.messages.create(params), {
    name: 'ConnectionError',
    phase: 'connect',
    message: /ECONNREFUSED/,
  });
  const { error } = await collectUntilError(client.messages.stream(params));
  assert.ok(error instanceof ConnectionError);
});

test('an error event is an ApiError with the status its type stands for, and the partial message', async () => {
  const overloaded = { type: 'overloaded_error', message: 'Overloaded' } as const;
  const body = cut + sse({ type: 'error', error: overloaded, request_id: 'req_9' });
  await withAnswer({ bytes: streamResponse(body) + cleanEnd, then: 'fin' }, async (client) => {
    const stream = client.messages.stream(params);
    const { error, types } = await collectUntilError(stream);
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.type, error.requestId], [529, 'overloaded_error', 'req_9']);
    assert.deepEqual(error.partial?.content, [{ type: 'text', text: 'Hel' }]);
    assert.ok(!types.includes('error'));
    assert.equal(stream.ending?.type, 'failed');
  });
});

test('invalid JSON is a ProtocolError with the offending text and the partial message', async () => {
  await withAnswer(
    { bytes: streamResponse(`${cut}event: ping\ndata: {"ty\n\n`), then: 'hold' },
    async (client) => {
      const { error } = await collectUntilError(client.messages.stream(params));
      assert.ok(error instanceof ProtocolError);
      assert.deepEqual([error.code, error.excerpt], ['invalid_json', '{"ty']);
      assert.deepEqual(error.partial?.content, [{ type: 'text', text: 'Hel' }]);
    },
  );
});

test('a 200 that is not a stream is a ResponseError with its content type and beginning', async () => {
  const cases: [type: string, body: string][] = [
    ['application/json', '{"id":"msg_1"}'],
    ['text/html', '<h1>Sign in</h1>'],
    ['text/plain', 'hello'],
    ['text/event-stream', ''],
  ];
  for (const [type, body] of cases) {
    const bytes = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    await withAnswer({ bytes, then: 'fin' }, async (client) => {
      const { error } = await collectUntilError(client.messages.stream(params));
      assert.ok(error instanceof ResponseError, type);
      assert.deepEqual([error.code, error.contentType, error.excerpt], ['not_an_event_stream', type, body]);
      assert.match(error.message, new RegExp(type));
    });
  }
});

test('a stream under a wrong content type is read all the same', async () => {
  await withAnswer({ bytes: streamResponse(whole, 'text/plain') + cleanEnd, then: 'fin' }, async (client) => {
    assert.equal(await client.messages.stream(params).finalText(), 'Hello');
  });
});

test('a gateway’s [DONE] is left out of the events', async () => {
  const body = whole.replace('event: message_stop', 'data: [DONE]\n\nevent: message_stop');
  await withAnswer({ bytes: streamResponse(body) + cleanEnd, then: 'fin' }, async (client) => {
    const events = await collect(client.messages.stream(params));
    assert.deepEqual(events.at(-1), { type: 'message_stop' });
    assert.equal(events.length, 8);
  });
});

test('abort() closes the connection, keeps what had arrived, and rejects with the reason given', async () => {
  await using server = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const client = new Millrace({ apiKey: 'k', baseURL: server.url });
  const reason = new Error('enough');
  const aborts: unknown[] = [];
  const stream = client.messages.stream(params).on('abort', (why) => aborts.push(why));
  const first = await stream.textStream[Symbol.asyncIterator]().next();
  assert.equal(first.value, 'Hel');
  stream.abort(reason);
  await assert.rejects(stream.done(), reason);
  await assert.rejects(stream.finalMessage(), reason);
  await server.clientLeft();
  assert.deepEqual(aborts, [reason]);
  assert.equal(stream.ending?.type, 'aborted');
  assert.deepEqual(stream.currentMessage?.content, [{ type: 'text', text: 'Hel' }]);
});

test('the caller’s signal aborts before the response and in the middle of it', async () => {
  await using server = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const client = new Millrace({ apiKey: 'k', baseURL: server.url });
  await assert.rejects(
    client.messages.create(params, { signal: AbortSignal.abort('early') }),
    (why) => why === 'early',
  );
  assert.equal(server.requests.length, 0);
  const controller = new AbortController();
  const events = await client.messages.create({ ...params, stream: true }, { signal: controller.signal });
  const { error } = await collectUntilError(abortingAt(events, controller));
  assert.equal(error, controller.signal.reason);
  await server.clientLeft();
});

async function* abortingAt(events: AsyncIterable<ClientEvent>, controller: AbortController) {
  for await (const event of events) {
    yield event;
    if (event.type === 'content_block_delta') controller.abort();
  }
}

test('leaving the loop over create() closes the connection', async () => {
  await using server = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  const client = new Millrace({ apiKey: 'k', baseURL: server.url });
  const events = await client.messages.create({ ...params, stream: true });
  for await (const event of events) if (event.type === 'content_block_delta') break;
  await server.clientLeft();
  assert.equal(events.ending?.type, 'aborted');
  await assert.rejects(collect(events), TypeError);
});

test('leaving the only loop over stream() closes the connection, also by textStream', async () => {
  for (const read of [(stream: MessageStream) => stream, (stream: MessageStream) => stream.textStream]) {
    await using server = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
    const stream = new Millrace({ apiKey: 'k', baseURL: server.url }).messages.stream(params);
    for await (const item of read(stream)) if (item !== undefined) break;
    await server.clientLeft();
    await assert.rejects(stream.done(), { name: 'AbortError' });
    assert.equal(stream.ending?.type, 'aborted');
  }
});

test('leaving a loop over stream() leaves the answer to the others who read it', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const stream = client.messages.stream({ ...params, messages: [{ role: 'user', content: 'long 80' }] });
  const whole = stream.finalText();
  for await (const text of stream.textStream) if (text !== '') break;
  assert.ok((await whole).length > 100);
});

test('await using closes the connection of a stream that nobody read', async () => {
  await using server = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  let left: MessageStream;
  {
    await using stream = new Millrace({ apiKey: 'k', baseURL: server.url }).messages.stream(params);
    left = stream;
    const first = await stream[Symbol.asyncIterator]().next();
    assert.equal(first.done, false);
  }
  await server.clientLeft();
  assert.equal(left.ending?.type, 'aborted');
});

test('abort() by who reads stops at once, with the rest of the answer in the same chunk', async () => {
  await withAnswer({ bytes: streamResponse(whole) + cleanEnd, then: 'fin' }, async (client) => {
    const reason = new Error('mine');
    const events = await client.messages.create({ ...params, stream: true });
    const types: string[] = [];
    await assert.rejects(async () => {
      for await (const event of events) {
        types.push(event.type);
        if (event.type === 'content_block_start') events.abort(reason);
      }
    }, reason);
    assert.deepEqual(types, ['message_start', 'ping', 'content_block_start']);
    assert.equal(events.ending?.type, 'aborted');
    const seen: string[] = [];
    const stream = client.messages.stream(params).on('text', (text) => {
      seen.push(text);
      stream.abort(reason);
    });
    await assert.rejects(stream.done(), reason);
    assert.deepEqual(seen, ['Hel']);
  });
});

test('abort() ends a stream whose fetch does not heed its signal', async () => {
  const fetch = async () =>
    new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } });
  const stream = new Millrace({ apiKey: 'k', fetch }).messages.stream(params);
  const done = stream.done();
  stream.abort('enough');
  await assert.rejects(done, (reason) => reason === 'enough');
});

test('abort() while the body of an error comes rejects with the reason', async () => {
  const bytes = 'HTTP/1.1 500 Oh\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"type":';
  await using server = await startRawServer(() => ({ bytes, then: 'hold' }));
  const controller = new AbortController();
  const client = new Millrace({ apiKey: 'k', baseURL: server.url });
  const asked = client.messages.create(params, { signal: controller.signal });
  while (server.requests.length === 0) await new Promise(setImmediate);
  controller.abort('enough');
  await assert.rejects(asked, (reason) => reason === 'enough');
});

test('a finished stream leaves no listener on the caller’s signal', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const { signal } = new AbortController();
  const request = { ...params, messages: [{ role: 'user' as const, content: 'echo hi' }] };
  for (let count = 0; count < 3; count += 1) {
    await client.messages.stream(request, { signal }).done();
    await collect(await client.messages.create({ ...request, stream: true }, { signal }));
    await client.messages.create(request, { signal });
    await assert.rejects(client.messages.stream({ ...request, max_tokens: -1 }, { signal }).done(), ApiError);
  }
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('one connection serves answer after answer, though its end comes after message_stop', async () => {
  const connections = new Set<unknown>();
  const server = createServer((request, response) => {
    connections.add(request.socket);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(whole, () => setImmediate(() => response.end()));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new Millrace({ apiKey: 'k', baseURL });
  for (let count = 0; count < 6; count += 1) {
    assert.equal(await client.messages.stream(params).finalText(), 'Hello');
    // The connection is free again when the server has seen its answer go out.
    while (
      (await new Promise<number>((resolve) => {
        server.getConnections((_, open) => resolve(open));
      })) > 1
    )
      await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  server.closeAllConnections();
  server.close();
  assert.ok(connections.size < 6, `${connections.size} connections for 6 answers`);
});

test('a listener that adds another waits with it for the next event, and once is once per adding', async () => {
  await withAnswer({ bytes: streamResponse(whole) + cleanEnd, then: 'fin' }, async (client) => {
    let again = 0;
    let shared = 0;
    const count = (): void => void (shared += 1);
    const stream = client.messages.stream(params);
    const next = (): void => {
      again += 1;
      stream.once('text', next);
    };
    stream.once('text', next).once('connect', count).on('streamEvent', count);
    await stream.done();
    assert.equal(again, 2);
    assert.equal(shared, 1 + 8);
  });
});

test('the state of a tool’s input is there: whole, cut, invalid', async () => {
  const inputs = ['{"path":"/home/user"}', '{"path":"/home/us', '{"path":?}'];
  const tools = inputs.flatMap((text, index) => toolEvents(index, '', text));
  await withAnswer(
    { bytes: streamResponse(sse(messageStart, ...tools, ...messageEnd)) + cleanEnd, then: 'fin' },
    async (client) => {
      const heard: unknown[] = [];
      const stream = client.messages
        .stream(params)
        .on('inputJson', (_, __, input) => heard.push(input?.complete));
      const { content } = await stream.finalMessage();
      const states = content.map((block) => stream.inputOf(block));
      assert.deepEqual(
        states.map((input) => input?.complete),
        [true, false, false],
      );
      assert.deepEqual(
        states.map((input) => input?.error?.code),
        [undefined, undefined, 'invalid_json'],
      );
      assert.deepEqual(
        states.map((input) => input?.text),
        inputs,
      );
      assert.deepEqual(heard, [undefined, true, undefined, false, undefined, false]);
    },
  );
});

test('an error event without a request id takes that of the response', async () => {
  const body = cut + sse({ type: 'error', error: { type: 'api_error', message: 'no' } });
  await withAnswer({ bytes: streamResponse(body) + cleanEnd, then: 'fin' }, async (client) => {
    await assert.rejects(client.messages.stream(params).done(), { name: 'ApiError', requestId: 'req_test' });
  });
});

test('events yielded are not the snapshot: neither changes the other', async () => {
  await withAnswer({ bytes: streamResponse(whole) + cleanEnd, then: 'fin' }, async (client) => {
    const stream = client.messages.stream(params);
    for await (const event of stream) {
      if (event.type === 'message_start') {
        assert.deepEqual(event.message.content, [], 'as it came');
        (event.message.content as unknown[]).push({ type: 'text', text: 'scribble' });
        event.message.usage.output_tokens = -1;
      }
      if (event.type === 'content_block_start') (event.content_block as { text: string }).text = 'scribble';
    }
    const message = await stream.finalMessage();
    assert.deepEqual(message.content, [{ type: 'text', text: 'Hello' }]);
    assert.equal(message.usage.output_tokens, 5);
  });
});

test('a failure that nobody looks at is no unhandled rejection', async (t) => {
  const unhandled: unknown[] = [];
  const listen = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', listen);
  t.after(() => process.off('unhandledRejection', listen));
  await withAnswer({ bytes: streamResponse(cut), then: 'rst' }, async (client) => {
    const ended = Promise.withResolvers<void>();
    client.messages.stream(params).on('end', () => ended.resolve());
    await ended.promise;
    const errors: unknown[] = [];
    const failed = Promise.withResolvers<void>();
    client.messages.stream(params).on('error', (error) => {
      errors.push(error);
      failed.resolve();
    });
    await failed.promise;
    assert.ok(errors[0] instanceof ConnectionError);
  });
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  assert.deepEqual(unhandled, []);
});

test('a slow loop over the events holds the server back: no more than a bounded part is read ahead', async () => {
  const total = 64 * 1024 * 1024;
  let sent = 0;
  const chunk = new TextEncoder().encode(sse(...textEvents(0, 'x'.repeat(65_536)).slice(1, 2)));
  const response = new Response(
    new ReadableStream({
      pull: (controller) => {
        sent += chunk.length;
        controller.enqueue(chunk);
        if (sent >= total) controller.close();
      },
    }),
    { headers: { 'content-type': 'text/event-stream' } },
  );
  const client = new Millrace({ apiKey: 'k', fetch: async () => response });
  const stream = client.messages.stream(params);
  const events = stream[Symbol.asyncIterator]();
  for (let count = 0; count < 3; count += 1) await events.next();
  assert.ok(sent < 10 * chunk.length, `${sent} bytes were read ahead of three events`);
  await stream[Symbol.asyncDispose]();
});
