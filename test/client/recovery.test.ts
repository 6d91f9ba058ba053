// Answers that break off after content has come: what is asked next, what the reader is told, and what it costs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, ConnectionError, Millrace, TruncatedError } from 'millrace/client';
import type {
  ClientEvent,
  MessageParams,
  MessageStream,
  ProtocolError,
  RequestOptions,
} from 'millrace/client';
import { createSimulator, startSimulator } from 'millrace/simulator';
import type { Fault } from 'millrace/simulator';
import { startCutServer, toTranscript } from '../support/cut-server.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawServer } from '../support/raw-server.ts';
import { blockEvents, messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';

const params: MessageParams = {
  model: 'claude-sonnet-5',
  max_tokens: 4000,
  messages: [{ role: 'user', content: 'Hi' }],
};

interface Asked {
  readonly messages: readonly { role: string; content: unknown }[];
  readonly max_tokens: number;
  readonly model: string;
}

/** A server that gives these bodies in turn, each ended cleanly; the last one again and again. */
function startScript(...bodies: readonly string[]): Promise<RawServer> {
  let count = 0;
  return startRawServer(() => {
    const body = bodies[Math.min(count, bodies.length - 1)] ?? '';
    count += 1;
    return { bytes: body.startsWith('HTTP') ? body : streamResponse(body) + cleanEnd, then: 'fin' };
  });
}

function askedOf({ requests }: RawServer): Asked[] {
  return requests.map((request) => JSON.parse(request.slice(request.indexOf('\r\n\r\n') + 4)) as Asked);
}

function streamFrom(
  { url }: RawServer,
  own: Partial<MessageParams> = {},
  options: RequestOptions = {},
): MessageStream {
  const client = new Millrace({ apiKey: 'k', baseURL: url, random: () => 0 });
  return client.messages.stream({ ...params, ...own }, { recover: true, ...options });
}

async function typesAndError(
  stream: AsyncIterable<ClientEvent>,
): Promise<{ types: string[]; error: unknown }> {
  const types: string[] = [];
  try {
    for await (const event of stream) types.push(event.type);
    return { types, error: undefined };
  } catch (error) {
    return { types, error };
  }
}

const begun = sse(messageStart, ...textEvents(0, 'The wheel ', 'turns \n').slice(0, -1));
const rest = sse(messageStart, ...textEvents(0, 'and turns.'), ...messageEnd);

test('text goes on in the block where it broke off, and the reader sees one message', async () => {
  await using server = await startScript(begun, rest);
  const stream = streamFrom(server);
  const { types, error } = await typesAndError(stream);
  assert.equal(error, undefined);
  assert.deepEqual(types, [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_delta',
    'recover',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
  assert.equal(await stream.finalText(), 'The wheel turns \nand turns.');
});

test('a model of 4.6 or later, or an unknown one, is asked by a user turn that quotes the end', async () => {
  for (const model of ['claude-sonnet-4-6', 'claude-opus-5', 'somebody-elses-model']) {
    await using server = await startScript(begun, rest);
    await streamFrom(server, { model }).done();
    const [, second] = askedOf(server);
    assert.deepEqual(
      second?.messages.map(({ role }) => role),
      ['user', 'assistant', 'user'],
    );
    assert.deepEqual(second?.messages[1]?.content, [{ type: 'text', text: 'The wheel turns \n' }]);
    assert.match(String(second?.messages[2]?.content), /interrupted and ended with:\n\nThe wheel turns \n/);
  }
});

test('a model up to 4.5 is given the beginning of its answer, without the white space at its end', async () => {
  const models = [
    'claude-sonnet-4-5-20250929',
    'claude-sonnet-4-20250514',
    'claude-3-5-haiku-latest',
    'claude-opus-4-1',
  ];
  for (const model of models) {
    const again = sse(messageStart, ...textEvents(0, ' \n', '\nand turns.'), ...messageEnd);
    await using server = await startScript(begun, again);
    const stream = streamFrom(server, { model });
    await stream.done();
    const [, second] = askedOf(server);
    assert.deepEqual(second?.messages.slice(1), [
      { role: 'assistant', content: [{ type: 'text', text: 'The wheel turns' }] },
    ]);
    // What was held back is not doubled; what comes beyond it stays.
    assert.equal(await stream.finalText(), 'The wheel turns \n\nand turns.');
  }
});

test('a character that was cut in two is written whole, in both ways', async () => {
  const half = JSON.stringify({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: 'A wheel \ud83c' },
  });
  const first =
    sse(messageStart, ...textEvents(0, '').slice(0, 1)) + `event: content_block_delta\ndata: ${half}\n\n`;
  const again = sse(messageStart, ...textEvents(0, '🎡', ' turns.'), ...messageEnd);
  for (const model of ['claude-sonnet-4-5', 'claude-sonnet-5']) {
    await using server = await startScript(first, again);
    assert.equal(await streamFrom(server, { model }).finalText(), 'A wheel 🎡 turns.');
    assert.ok(!server.requests[1]?.includes('ud83c'), 'no half of it is sent');
  }
});

test('with thinking there is no prefill, and thinking is sent back as it came', async () => {
  const thinking = blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: 'hm' },
    { type: 'signature_delta', signature: 'sig==' },
  ]);
  const first = sse(messageStart, ...thinking, ...textEvents(1, 'The wheel').slice(0, -1));
  const again = sse(
    messageStart,
    ...blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: 'how to go on' },
    ]),
    ...textEvents(1, ' turns.'),
    ...messageEnd,
  );
  await using server = await startScript(first, again);
  const stream = streamFrom(server, {
    model: 'claude-sonnet-4-5',
    thinking: { type: 'enabled', budget_tokens: 3999 },
  });
  const message = await stream.finalMessage();
  assert.deepEqual(message.content, [
    { type: 'thinking', thinking: 'hm', signature: 'sig==' },
    { type: 'text', text: 'The wheel turns.' },
  ]);
  const [, second] = askedOf(server);
  assert.deepEqual(second?.messages[1]?.content, [
    { type: 'thinking', thinking: 'hm', signature: 'sig==' },
    { type: 'text', text: 'The wheel' },
  ]);
  assert.equal(second?.messages.length, 3);
  assert.equal(second?.max_tokens, 4000, 'above the thinking budget');
});

test('a model that refuses a prefill is asked by a turn, at once and from then on', async () => {
  const refusal = JSON.stringify({
    type: 'error',
    error: {
      type: 'invalid_request_error',
      message:
        'This model does not support assistant message prefill. The conversation must end with a user message.',
    },
  });
  const head = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${refusal.length}\r\n\r\n`;
  await using server = await startScript(begun, head + refusal, rest, begun, rest);
  const client = new Millrace({ apiKey: 'k', baseURL: server.url, random: () => 0, recover: true });
  const asked = { ...params, model: 'claude-sonnet-4-5' };
  assert.equal(await client.messages.stream(asked).finalText(), 'The wheel turns \nand turns.');
  assert.equal(await client.messages.stream(asked).finalText(), 'The wheel turns \nand turns.');
  assert.deepEqual(
    askedOf(server).map(({ messages }) => messages.length),
    [1, 2, 3, 1, 3],
  );
});

test('thinking and tool input that were open are dropped, and the reader is told first', async () => {
  const tool = toolEvents(1, '', '{"city":"Pa').slice(0, -1);
  const first = sse(messageStart, ...textEvents(0, 'Let me look.'), ...tool);
  const again = sse(messageStart, ...toolEvents(0, '', '{"city":"Paris"}'), ...messageEnd);
  await using server = await startScript(first, again);
  const stream = streamFrom(server);
  const recovers: unknown[] = [];
  stream.on('recover', (event) => recovers.push(event));
  const { content } = await stream.finalMessage();
  assert.deepEqual(recovers, [{ type: 'recover', from_index: 1, attempt: 2, reason: 'truncated' }]);
  assert.deepEqual(
    content.map((block) => ('input' in block ? block.input : block.type)),
    ['text', { city: 'Paris' }],
  );

  const thinking = blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: 'hm' },
  ]).slice(0, -1);
  await using other = await startScript(sse(messageStart, ...thinking), rest);
  const anew = streamFrom(other);
  assert.equal(await anew.finalText(), 'and turns.');
  assert.deepEqual(askedOf(other)[1]?.messages, params.messages, 'the same question again');
});

test('a finished tool call is never asked for again', async () => {
  const first = sse(messageStart, ...textEvents(0, 'Let me look.'), ...toolEvents(1, '{"a":1}'));
  await using server = await startScript(first, rest);
  const stream = streamFrom(server);
  await assert.rejects(stream.done(), TruncatedError);
  assert.equal(server.requests.length, 1);
  assert.equal(stream.currentMessage?.content.length, 2);
});

test('an answer with a schema or with citations is not joined', async () => {
  const cited = sse(
    messageStart,
    ...blockEvents(0, { type: 'text', text: '' }, [
      { type: 'text_delta', text: 'Grass is green' },
      {
        type: 'citations_delta',
        citation: {
          type: 'char_location',
          cited_text: 'green',
          document_index: 0,
          document_title: null,
          start_char_index: 0,
          end_char_index: 5,
        },
      },
    ]).slice(0, -1),
  );
  const cases: [body: string, own: Partial<MessageParams>][] = [
    [begun, { output_config: { format: { type: 'json_schema', schema: {} } } }],
    [begun, { output_format: { type: 'json_schema', schema: {} } }],
    [cited, {}],
  ];
  for (const [body, own] of cases) {
    await using server = await startScript(body, rest);
    await assert.rejects(streamFrom(server, own).done(), TruncatedError);
    assert.equal(server.requests.length, 1);
  }
});

test('an answer that has said why it stops is whole, and is not paid for again', async () => {
  const [delta] = messageEnd;
  assert.ok(delta !== undefined);
  const calls = sse(messageStart, ...toolEvents(0, '{"a":1}'), {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 7 },
  });
  for (const body of [sse(messageStart, ...textEvents(0, 'The wheel turns.'), delta), calls]) {
    await using server = await startScript(body, rest);
    const stream = streamFrom(server);
    const { types, error } = await typesAndError(stream);
    assert.equal(error, undefined);
    assert.equal(types.at(-1), 'message_stop');
    assert.equal(server.requests.length, 1);
  }
  await using server = await startScript(calls);
  await assert.rejects(streamFrom(server, {}, { recover: false }).done(), TruncatedError);
});

test('a stream that makes no sense fails, once, and is not asked for again', async () => {
  const withoutStart = sse(...textEvents(0, 'The wheel'), ...messageEnd);
  const withTwo = sse(messageStart, ...textEvents(0, 'The wheel'), messageStart, ...messageEnd);
  for (const body of [withoutStart, withTwo]) {
    await using server = await startScript(body, rest);
    const stream = streamFrom(server);
    const { error } = await typesAndError(stream);
    assert.equal((error as ProtocolError).code, 'unexpected_event');
    assert.equal(stream.ending?.type, 'failed');
    assert.equal(server.requests.length, 1);
    assert.deepEqual((error as ProtocolError).partial?.content, [{ type: 'text', text: 'The wheel' }]);
  }
});

test('without the option an answer that broke off ends with its error', async () => {
  await using server = await startScript(begun, rest);
  const stream = streamFrom(server, {}, { recover: false });
  await assert.rejects(stream.done(), TruncatedError);
  assert.equal(server.requests.length, 1);
});

test('a citation in front of its text, behind the seam, comes in its own block', async () => {
  const citation = { type: 'char_location', cited_text: 'c', document_index: 0 };
  const cited = [
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: [] } },
    { type: 'content_block_delta', index: 0, delta: { type: 'citations_delta', citation } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Wheels turn.' } },
    { type: 'content_block_stop', index: 0 },
  ] as unknown as ReturnType<typeof textEvents>;
  const plain = [messageStart, ...textEvents(0, 'See: ')];
  // Whether the end of the block before it had come makes no difference.
  for (const first of [sse(...plain), sse(...plain.slice(0, -1))]) {
    await using server = await startScript(first, sse(messageStart, ...cited, ...messageEnd));
    const stream = streamFrom(server);
    const indexes: string[] = [];
    for await (const event of stream) if ('index' in event) indexes.push(`${event.type} ${event.index}`);
    assert.deepEqual(indexes.slice(2), [
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_delta 1',
      'content_block_stop 1',
    ]);
    assert.deepEqual(stream.currentMessage?.content, [
      { type: 'text', text: 'See: ' },
      { type: 'text', text: 'Wheels turn.', citations: [citation] },
    ]);
  }
});

test('recoveries are bounded in number and in input tokens', async () => {
  const more = sse(messageStart, ...textEvents(0, 'and turns ').slice(0, -1));
  await using server = await startScript(begun, more);
  const stream = streamFrom(server, {}, { recover: { maxRecoveries: 3 } });
  await assert.rejects(stream.done(), TruncatedError);
  assert.equal(server.requests.length, 4);
  assert.equal(stream.attempts.length, 4);
  // Each of the four attempts says 9 input tokens.
  await using other = await startScript(begun, more);
  const cheap = streamFrom(other, {}, { recover: { maxRecoveries: 9, maxExtraTokens: 18 } });
  await assert.rejects(cheap.done(), TruncatedError);
  assert.equal(other.requests.length, 3);
  await using last = await startScript(begun, more);
  const none = streamFrom(last, {}, { recover: { maxExtraTokens: 8 } });
  await assert.rejects(none.done(), TruncatedError);
  assert.equal(last.requests.length, 1);
});

test('maxExtraTokens counts input tokens read from the cache and written to it', async () => {
  const usage = {
    input_tokens: 1,
    output_tokens: 1,
    cache_read_input_tokens: 900,
    cache_creation_input_tokens: 99,
  };
  const { message } = messageStart as { message: object };
  const cached = sse(
    { type: 'message_start', message: { ...message, usage } } as never,
    ...textEvents(0, 'The wheel turns ').slice(0, -1),
  );
  await using server = await startScript(cached);
  const stream = streamFrom(server, {}, { recover: { maxRecoveries: 9, maxExtraTokens: 1999 } });
  await assert.rejects(stream.done(), TruncatedError);
  // The first attempt, and one of the two that would take 1,000 each.
  assert.equal(server.requests.length, 2);
});

test('the last resort is the rest in one piece', async () => {
  const whole = JSON.stringify({
    ...(messageStart as { message: object }).message,
    content: [{ type: 'text', text: 'and turns.' }],
    stop_reason: 'end_turn',
  });
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${whole.length}\r\n\r\n`;
  await using server = await startScript(begun, begun.replace('The wheel ', 'still '), head + whole);
  const stream = streamFrom(server, {}, { recover: { maxRecoveries: 1 }, fallback: 'non-streaming' });
  assert.equal(await stream.finalText(), 'The wheel turns \nstill turns \nand turns.');
  assert.deepEqual(
    stream.attempts.map(({ kind, isStreamed }) => [kind, isStreamed]),
    [
      ['first', true],
      ['recovery', true],
      ['fallback', false],
    ],
  );
});

test('usage is kept for each attempt and added up, estimated where an attempt broke off', async () => {
  await using server = await startScript(begun, rest);
  const stream = streamFrom(server);
  const message = await stream.finalMessage();
  const [first, second] = stream.attempts;
  // 'The wheel turns \n' has 17 characters: about 5 tokens.
  assert.deepEqual([first?.usage?.output_tokens, first?.isUsageExact], [5, false]);
  assert.deepEqual([second?.usage?.output_tokens, second?.isUsageExact], [5, true]);
  assert.ok(first?.error instanceof TruncatedError);
  assert.equal(second?.error, undefined);
  assert.deepEqual(stream.usage, { input_tokens: 18, output_tokens: 10 });
  assert.deepEqual(message.usage, { input_tokens: 18, output_tokens: 10 });
});

test('the usage of the message has what the API said of the last attempt, also where an estimate would be more', async () => {
  // 40 characters would be estimated as 12 tokens; the end of the stream says 5.
  const long = sse(messageStart, ...textEvents(0, 'x'.repeat(40)), ...messageEnd);
  await using server = await startScript(begun, long);
  const stream = streamFrom(server);
  const message = await stream.finalMessage();
  assert.deepEqual(message.usage, { input_tokens: 18, output_tokens: 10 });
  assert.deepEqual(stream.usage, message.usage);
});

test('an error in the middle of the stream is recovered from when it passes, and not when it does not', async () => {
  const errorEvent = (type: string): string =>
    `event: error\ndata: {"type":"error","error":{"type":"${type}","message":"m"}}\n\n`;
  await using server = await startScript(begun + errorEvent('overloaded_error'), rest);
  assert.equal(await streamFrom(server).finalText(), 'The wheel turns \nand turns.');
  await using limited = await startScript(begun + errorEvent('rate_limit_error'), rest);
  assert.equal(await streamFrom(limited).finalText(), 'The wheel turns \nand turns.');
  await using other = await startScript(begun + errorEvent('invalid_request_error'), rest);
  await assert.rejects(
    streamFrom(other).done(),
    (error) => error instanceof ApiError && error.status === 400,
  );
  assert.equal(other.requests.length, 1);
});

test('a conversation that ends with a prefill of the caller’s own is gone on with in that turn', async () => {
  await using server = await startScript(begun, rest);
  const messages = [...params.messages, { role: 'assistant' as const, content: 'Well: ' }];
  await streamFrom(server, { model: 'claude-sonnet-4-5', messages }).done();
  assert.deepEqual(askedOf(server)[1]?.messages.slice(1), [
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'Well: ' },
        { type: 'text', text: 'The wheel turns' },
      ],
    },
  ]);
});

test('words that the model says again at the seam are dropped', async () => {
  const text =
    'The wheel turns slowly under the water, and the miller counts the sacks that the carts brought in.';
  const transcript = toTranscript(
    new TextEncoder().encode(
      sse(messageStart, ...textEvents(0, ...(text.match(/.{1,7}/g) ?? [])), ...messageEnd),
    ),
  );
  await using server = await startCutServer(
    transcript,
    (before, left) => before.split(' ').slice(-4).join(' ') + left,
  );
  const client = new Millrace({ apiKey: 'k', baseURL: server.url, random: () => 0, recover: true });
  const [start] = sse(messageStart, ...textEvents(0, '').slice(0, 1)).match(/[^]*/) ?? [''];
  // From the middle of the text on, so that there are four words to repeat.
  for (let at = start.length + 700; at < transcript.bytes.length - 600; at += 37) {
    const headers = { 'x-cut': `${at} fin`, 'x-cut-once': `${at}` };
    const stream = client.messages.stream(params, { headers });
    assert.equal(await stream.finalText(), text, `cut at ${at}`);
    assert.equal(stream.attempts.length, 2);
  }
});

test('of a model that repeats or rephrases words at the seam, at most one answer in a hundred shows it', async (t) => {
  await using simulator = createSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', fetch: simulator.fetch, random: () => 0, recover: true });
  const ask = (prompt: string, faults: readonly Fault[] = []): MessageStream => {
    const key = `${prompt} ${JSON.stringify(faults)}`;
    const headers = { 'x-simulator-fault': JSON.stringify({ key, faults }) };
    return client.messages.stream({ ...params, messages: [{ role: 'user', content: prompt }] }, { headers });
  };
  const cases: { prompt: string; whole: string; atByte: number }[] = [];
  for (const prompt of ['markdown', 'long 700', 'Tell me about the mill']) {
    const whole = await ask(prompt).finalText();
    const { bytesSent = 0 } = simulator.requests.at(-1) ?? {};
    for (let atByte = 1200; atByte < bytesSent - 400; atByte += 53) cases.push({ prompt, whole, atByte });
  }
  for (const as of ['repeat', 'rephrase'] as const) {
    let count = 0;
    let wrong = 0;
    for (const { prompt, whole, atByte } of cases) {
      const cut: Fault = { kind: 'cut', atByte, by: 'fin', times: 1 };
      const stream = ask(prompt, [cut, { kind: 'seam', as }]);
      const isWrong = (await stream.finalText()) !== whole;
      if (stream.attempts.length === 2) count += 1;
      if (isWrong) wrong += 1;
    }
    t.diagnostic(`${as}: ${wrong} of ${count}`);
    assert.ok(count > 100, `${count} recoveries`);
    assert.ok(wrong / count <= 0.01, `${as}: ${wrong} of ${count}`);
  }
});

test('the simulator’s answers are gone on with in both ways, whatever breaks them', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url, random: () => 0 });
  for (const model of ['claude-sonnet-4-5', 'claude-sonnet-5']) {
    const asked = { ...params, model, messages: [{ role: 'user' as const, content: 'markdown' }] };
    const whole = await client.messages.stream(asked).finalMessage();
    for (const fault of [
      { kind: 'cut', atEvent: 30, by: 'fin', lingerMs: 0 },
      { kind: 'cut', atByte: 3000, by: 'rst', lingerMs: 0 },
      { kind: 'error_event', type: 'overloaded_error', atEvent: 20 },
      { kind: 'invalid_json', atEvent: 25 },
    ]) {
      const plan = { key: `${model} ${JSON.stringify(fault)}`, faults: [{ ...fault, times: 1 }] };
      const headers = { 'x-simulator-fault': JSON.stringify(plan) };
      const stream = client.messages.stream(asked, { recover: true, headers });
      const message = await stream.finalMessage();
      assert.deepEqual(message.content, whole.content, plan.key);
      assert.equal(stream.attempts.length, 2, plan.key);
    }
  }
});

test('abort() stops a recovery as it stops all else', async () => {
  await using server = await startScript(begun);
  const stream = streamFrom(server, {}, { recover: { maxRecoveries: 50 } });
  const reason = new Error('enough');
  stream.on('recover', () => stream.abort(reason));
  await assert.rejects(stream.done(), reason);
  assert.equal(stream.ending?.type, 'aborted');
  assert.equal(stream.currentMessage?.content.length, 1);
});

test('a recovery that finds no server ends with that error, and everything that came', async () => {
  const server = await startScript(begun);
  const client = new Millrace({ apiKey: 'k', baseURL: server.url, random: () => 0, recover: true });
  const stream = client.messages.stream(params);
  stream.on('retry', () => void server[Symbol.asyncDispose]());
  await assert.rejects(stream.done(), (error) => error instanceof ConnectionError);
  assert.deepEqual(stream.currentMessage?.content, [{ type: 'text', text: 'The wheel turns \n' }]);
});
