// Answers that break off behind the relay, or with it: gone on with, in the log and for every reader.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageAccumulator, parseStreamEvent, SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent, StreamEvent } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import type { Fault } from 'millrace/simulator';
import { logStart, MemoryStreamLog } from 'millrace/storage';
import type { LogRecord, StreamLog, TakeoverTerms } from 'millrace/storage';
import { askRelay, params } from '../support/ask-relay.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawAnswer } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { startScript } from '../support/script-server.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { blockEvents, messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

function framesOf(text: string): ServerSentEvent[] {
  const decoder = new SseDecoder();
  return [...decoder.push(text), ...decoder.end()];
}

/** What a reader of the API's own events has in the end. */
function messageOf(text: string): MessageAccumulator {
  const accumulator = new MessageAccumulator();
  for (const frame of framesOf(text)) accumulator.push(parseStreamEvent(frame));
  return accumulator;
}

async function recordsIn(log: StreamLog, id: string): Promise<LogRecord[]> {
  const result = await log.read(id, logStart, { maxEntries: 10_000, maxBytes: 10_000_000 });
  assert.ok(result.type === 'entries');
  return result.entries.map(({ record }) => record);
}

const begun = sse(messageStart, ...textEvents(0, 'The wheel ', 'turns').slice(0, -1));
const rest = sse(messageStart, ...textEvents(0, ' and turns.'), ...messageEnd);
const overloaded =
  'HTTP/1.1 529 Overloaded\r\ncontent-type: application/json\r\nretry-after: 0\r\ncontent-length: 77\r\n\r\n' +
  '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded 1"}}';

test('text that breaks off goes on in its block on every route, and the answer ends as if nothing had been', async () => {
  for (const path of ['/v1/messages', '/streams']) {
    await using upstream = await startScript(begun, rest);
    await using relay = await startTestRelay(upstream.url);
    const text = await (await askRelay(relay, path)).text();
    const { message, ending } = messageOf(text);
    assert.equal(ending?.type, 'complete', text);
    assert.deepEqual(message?.content, [{ type: 'text', text: 'The wheel turns and turns.' }]);
    assert.equal(text.match(/event: message_start/g)?.length, 1);
    assert.equal(upstream.requests.length, 2);
  }
  await using upstream = await startScript(begun, rest);
  await using relay = await startTestRelay(upstream.url);
  const frames = framesOf(await (await askRelay(relay, '/chat/stream')).text());
  const said = frames.filter(({ event }) => event === 'text').map(({ data }) => JSON.parse(data) as string);
  assert.equal(said.join(''), 'The wheel turns and turns.');
  assert.equal(frames.at(-1)?.event, 'done');
});

test('the frames of the first attempt are upstream’s own, byte for byte', async () => {
  const padded = begun.replaceAll('}\n\n', '}   \n\n');
  await using upstream = await startScript(padded, rest);
  await using relay = await startTestRelay(upstream.url);
  assert.ok((await (await askRelay(relay, '/v1/messages')).text()).startsWith(padded));
});

test('the log tells of every further request, and what all of them took', async () => {
  await using upstream = await startScript(begun, overloaded, rest);
  await using relay = await startTestRelay(upstream.url, { calls: { retry: { maxDelayMs: 0 } } });
  const response = await askRelay(relay, '/streams');
  await response.text();
  const id = response.headers.get('x-stream-id') ?? '';
  const records = await recordsIn(relay.log, id);
  assert.deepEqual(
    records.filter(({ type }) => type === 'further_attempt'),
    [
      {
        type: 'further_attempt',
        number: 3,
        kind: 'retry',
        model: 'claude-sonnet-5',
        reason: 'truncated',
        // With what came in the same chunk.
        usage: { input_tokens: 9, output_tokens: 4 },
      },
    ],
  );
  const end = records.at(-1);
  assert.ok(end?.type === 'end');
  // Fifteen characters came before the break: about five tokens; the second attempt said five.
  assert.deepEqual(end.usage, { input_tokens: 18, output_tokens: 10 });
  assert.equal(end.isUsageEstimated, true);
  const state = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as Record<string, unknown>;
  assert.deepEqual(state['usage'], { input_tokens: 18, output_tokens: 10 });
  assert.equal(state['usage_estimated'], true);
  const model = 'claude-sonnet-5';
  assert.deepEqual(state['attempts'], [
    {
      number: 1,
      kind: 'first',
      model,
      streamed: true,
      error: 'truncated',
      usage: { input_tokens: 9, output_tokens: 5 },
      usage_estimated: true,
    },
    // The second was refused.
    {
      number: 3,
      kind: 'retry',
      model,
      streamed: true,
      error: null,
      usage: { input_tokens: 9, output_tokens: 5 },
      usage_estimated: false,
    },
  ]);
});

test('the budget of retries, used up by an outage, is refilled by answers that come whole at once', async () => {
  const whole = streamResponse(sse(messageStart, ...textEvents(0, 'Hello'), ...messageEnd)) + cleanEnd;
  let failing = Infinity;
  await using upstream = await startRawServer(() => {
    const bytes = failing > 0 ? overloaded : whole;
    failing -= 1;
    return { bytes, then: 'hold' };
  });
  await using relay = await startTestRelay(upstream.url, { calls: { retry: { maxDelayMs: 0 } } });
  const ask = async () => (await askRelay(relay, '/streams')).text();
  const askedFor = async () => {
    const before = upstream.requests.length;
    await ask();
    return upstream.requests.length - before;
  };
  while ((await askedFor()) > 1);
  failing = 0;
  for (let count = 0; count < 20; count += 1) await ask();
  failing = 1;
  assert.equal(messageOf(await ask()).ending?.type, 'complete');
});

test('GET /streams/:id tells what each call of an answer took and broke with, also while it goes on', async () => {
  const more = Promise.withResolvers<string>();
  const broken = sse(messageStart, ...textEvents(0, ' and').slice(0, -1));
  const last: RawAnswer = {
    bytes: streamResponse(sse(messageStart, ...textEvents(0, ' on').slice(0, -1))),
    then: 'hold',
    later: more.promise,
  };
  await using upstream = await startScript(begun, broken, last);
  await using relay = await startTestRelay(upstream.url);
  const response = await askRelay(relay, '/streams');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (text.split('further_attempt').length < 3) text += (await reader.read()).value ?? '';
  const describe = async () => {
    const url = `${relay.url}/streams/${response.headers.get('x-stream-id')}`;
    const state = (await (await fetch(url)).json()) as {
      attempts: { kind: string; error: string | null; usage: { output_tokens: number } }[];
    };
    return state.attempts.map(({ kind, error, usage }) => [kind, error, usage.output_tokens]);
  };
  const before = [
    ['first', 'truncated', 5],
    ['recovery', 'truncated', 2],
  ];
  assert.deepEqual(await describe(), [...before, ['recovery', null, 1]]);
  const end = sse(...textEvents(0, '').slice(-1), ...messageEnd);
  more.resolve(`${Buffer.byteLength(end).toString(16)}\r\n${end}\r\n${cleanEnd}`);
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value;
  assert.match(text, /"output_tokens":12/, 'the events say what all took together');
  assert.deepEqual(await describe(), [...before, ['recovery', null, 5]]);
});

test('a call that is refused before any content, or stopped, is told of as well', async () => {
  await using upstream = await startScript(overloaded, { bytes: streamResponse(begun), then: 'hold' });
  await using relay = await startTestRelay(upstream.url, { calls: { retry: { maxRetries: 0 } } });
  for (const errors of [['overloaded_error'], [null]]) {
    const started = await fetch(`${relay.url}/streams`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(params),
    });
    const { id } = (await started.json()) as { id: string };
    const events = listenTo(
      await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } }),
    );
    await turnsUntil(() => /turns|error/.test(events.text));
    await fetch(`${relay.url}/streams/${id}/stop`, { method: 'POST' });
    await events.ended;
    const state = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as {
      attempts: { error: unknown }[];
    };
    assert.deepEqual(
      state.attempts.map(({ error }) => error),
      errors,
    );
  }
});

/** Reads a stream as it comes. */
function listenTo(response: Response): { readonly text: string; readonly ended: Promise<void> } {
  const heard = { text: '' };
  const read = async (): Promise<void> => {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) heard.text += text;
  };
  return Object.assign(heard, { ended: read() });
}

test('an error event in the middle is gone on from where it is passing, and comes through where it is not', async () => {
  const errorFrame = (type: string): string =>
    `event: error\ndata: {"type":"error","error":{"type":"${type}","message":"No"}  }\n\n`;
  await using passing = await startScript(begun + errorFrame('overloaded_error'), rest);
  await using relay = await startTestRelay(passing.url);
  const text = await (await askRelay(relay, '/v1/messages')).text();
  assert.equal(messageOf(text).ending?.type, 'complete');
  assert.doesNotMatch(text, /overloaded_error/);

  await using lasting = await startScript(begun + errorFrame('invalid_request_error'), rest);
  await using other = await startTestRelay(lasting.url);
  const failed = await (await askRelay(other, '/v1/messages')).text();
  assert.equal(failed, begun + errorFrame('invalid_request_error'));
  assert.equal(lasting.requests.length, 1);
});

test('an answer that has its stop_reason is finished without another request', async () => {
  const all = sse(messageStart, ...textEvents(0, 'Hello'), ...messageEnd.slice(0, 1));
  await using upstream = await startScript(all);
  await using relay = await startTestRelay(upstream.url);
  const text = await (await askRelay(relay, '/v1/messages')).text();
  assert.equal(messageOf(text).ending?.type, 'complete');
  assert.equal(upstream.requests.length, 1);
});

test('x-millrace-recover: off gives a typed error, and any other word is refused', async () => {
  await using upstream = await startScript(begun, rest);
  await using relay = await startTestRelay(upstream.url);
  const text = await (
    await askRelay(relay, '/v1/messages', { headers: { 'x-millrace-recover': 'off' } })
  ).text();
  assert.ok(text.startsWith(begun));
  assert.match(text, /event: error\ndata: .*"code":"truncated"/);
  assert.equal(upstream.requests.length, 1);
  const refused = await askRelay(relay, '/v1/messages', { headers: { 'x-millrace-recover': 'perhaps' } });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /x-millrace-recover: must be \\"on\\" or \\"off\\", not \\"perhaps\\"/);
});

test('an answer that keeps breaking ends with why it broke, once there were as many recoveries as there may be', async () => {
  await using upstream = await startScript(begun, sse(messageStart, ...textEvents(0, ' and').slice(0, -1)));
  await using relay = await startTestRelay(upstream.url, { calls: { recover: { maxRecoveries: 2 } } });
  const text = await (await askRelay(relay, '/v1/messages')).text();
  assert.equal(upstream.requests.length, 3);
  assert.match(text, /event: error\ndata: .*"code":"truncated".*\n\n$/);
  assert.equal(messageOf(text).message?.content.length, 1);
});

test('an answer that upstream’s own error ends at last says it in upstream’s words, once', async () => {
  const said = {
    type: 'error',
    error: { type: 'odd_error', message: 'No', details: { more: [1] } },
    request_id: 'req_9',
  };
  const last = `event: error\ndata: ${JSON.stringify(said)}\n\n`;
  for (const [path, headers, ...bodies] of [
    ['/v1/messages', {}, begun, begun + last],
    ['/v1/messages', { 'x-millrace-retry': 'on' }, overloaded, last],
    ['/streams', {}, overloaded, last],
    ['/streams', {}, begun, last],
  ] as const) {
    await using upstream = await startScript(...bodies);
    await using relay = await startTestRelay(upstream.url, { calls: { retry: { maxDelayMs: 0 } } });
    const text = await (await askRelay(relay, path, { headers })).text();
    assert.deepEqual(
      framesOf(text)
        .filter(({ event }) => event === 'error')
        .map(({ data }) => data),
      [JSON.stringify(said)],
    );
  }
  const padded =
    begun + 'event: error\ndata: {"type":"error", "error":{"message":"No","type":"api_error"} }\n\n';
  await using upstream = await startScript(padded);
  await using relay = await startTestRelay(upstream.url, { calls: { retry: { maxDelayMs: 0 } } });
  const text = await (await askRelay(relay, '/v1/messages')).text();
  assert.equal(text.slice(text.indexOf('event: error')), padded.slice(begun.length));
  assert.equal(upstream.requests.length, 3);
});

const toolBegun = sse(
  messageStart,
  ...textEvents(0, 'Let me look.'),
  ...toolEvents(1, '{"place":"mi', 'll"}').slice(0, 3),
);
const toolAnew = sse(
  messageStart,
  ...textEvents(0, ' Now.'),
  ...toolEvents(1, '{"place":"weir"}'),
  ...messageEnd,
);

test('a tool input that was open is withdrawn and written anew where a reader can be told', async () => {
  await using upstream = await startScript(toolBegun, toolAnew);
  await using relay = await startTestRelay(upstream.url);
  const response = await askRelay(relay, '/streams');
  const frames = framesOf(await response.text());
  const own = frames.filter(({ event }) => event === 'millrace').map(({ data }) => data);
  assert.match(own.join('\n'), /"record":\{"type":"rewind","fromIndex":1\}/);
  const state = (await (
    await fetch(`${relay.url}/streams/${response.headers.get('x-stream-id')}`)
  ).json()) as { message: { content: Record<string, unknown>[] } };
  assert.deepEqual(
    state.message.content.map(({ type, text, input }) => text ?? input ?? type),
    ['Let me look.', ' Now.', { place: 'weir' }],
  );
});

test('a tool input that was open ends /v1/messages with upstream’s failure, without another request', async () => {
  await using upstream = await startScript(toolBegun, toolAnew);
  await using relay = await startTestRelay(upstream.url);
  const text = await (await askRelay(relay, '/v1/messages')).text();
  assert.ok(text.startsWith(toolBegun));
  assert.match(text, /event: error\ndata: .*"code":"truncated".*\n\n$/);
  assert.equal(upstream.requests.length, 1);
});

test('a tool input that is held back is made anew on /v1/messages too, and comes at once when it is whole', async () => {
  const headers = { 'x-millrace-hold-tool-input': 'on' };
  await using upstream = await startScript(toolBegun, toolAnew);
  await using relay = await startTestRelay(upstream.url);
  const text = await (await askRelay(relay, '/v1/messages', { headers })).text();
  const { message, ending } = messageOf(text);
  assert.equal(ending?.type, 'complete', text);
  assert.deepEqual(structuredClone(message?.content), [
    { type: 'text', text: 'Let me look.' },
    { type: 'text', text: ' Now.' },
    { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { place: 'weir' } },
  ]);
  assert.doesNotMatch(text, /mi"/);

  const held: RawAnswer = { bytes: streamResponse(toolBegun), then: 'hold' };
  const more = Promise.withResolvers<string>();
  await using slow = await startScript({ ...held, later: more.promise });
  await using other = await startTestRelay(slow.url);
  const response = await askRelay(other, '/v1/messages', { headers });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  while (!seen.includes('content_block_stop')) seen += (await reader.read()).value ?? '';
  assert.doesNotMatch(seen, /tool_use/);
  const end = sse(...toolEvents(1, '{"place":"mi', 'll"}').slice(2), ...messageEnd);
  more.resolve(`${Buffer.byteLength(end).toString(16)}\r\n${end}\r\n${cleanEnd}`);
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) seen += piece.value;
  assert.deepEqual(messageOf(seen).message?.content[1], {
    type: 'tool_use',
    id: 'toolu_1',
    name: 'get_weather',
    input: { place: 'mill' },
  });
});

test('a finished tool call is never asked for again', async () => {
  const finished = sse(messageStart, ...toolEvents(0, '{"place":"mill"}'));
  await using upstream = await startScript(finished, rest);
  await using relay = await startTestRelay(upstream.url);
  assert.match(await (await askRelay(relay, '/streams')).text(), /"code":"truncated"/);
  assert.equal(upstream.requests.length, 1);
});

test('a call that fails before any content is made again for pages, and passes as it is for programs', async () => {
  for (const path of ['/streams', '/chat/stream']) {
    await using upstream = await startScript(overloaded, overloaded, rest);
    await using relay = await startTestRelay(upstream.url, { calls: { retry: { maxDelayMs: 0 } } });
    assert.match(await (await askRelay(relay, path)).text(), /and turns/);
    assert.equal(upstream.requests.length, 3);
  }
  await using upstream = await startScript(overloaded, rest);
  await using relay = await startTestRelay(upstream.url, { calls: { retry: { maxDelayMs: 0 } } });
  const passed = await askRelay(relay, '/v1/messages');
  assert.equal(passed.status, 529);
  assert.match(await passed.text(), /Overloaded 1/);
  assert.equal(upstream.requests.length, 1);
  await using again = await startScript(overloaded, rest);
  await using other = await startTestRelay(again.url, { calls: { retry: { maxDelayMs: 0 } } });
  const retried = await askRelay(other, '/v1/messages', { headers: { 'x-millrace-retry': 'on' } });
  assert.equal(messageOf(await retried.text()).ending?.type, 'complete');
});

test('a page gets the last error when every call has failed', async () => {
  await using upstream = await startScript(overloaded);
  await using relay = await startTestRelay(upstream.url, {
    calls: { retry: { maxRetries: 1, maxDelayMs: 0 } },
  });
  const response = await askRelay(relay, '/streams');
  assert.equal(response.status, 529);
  assert.match(await response.text(), /"type":"overloaded_error","message":"Overloaded 1"/);
  assert.equal(upstream.requests.length, 2);
});

test('thinking that was open is written anew', async () => {
  const thinking = blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: 'Hm' },
  ]);
  await using upstream = await startScript(sse(messageStart, ...thinking.slice(0, -1)), rest);
  await using relay = await startTestRelay(upstream.url);
  const text = await (await askRelay(relay, '/streams')).text();
  assert.match(text, /"type":"rewind","fromIndex":0/);
  assert.match(text, /and turns/);
});

test('a stop while a retry waits, or while the rest is written, ends the stream at once as stopped', async () => {
  const clock = new SteppedClock();
  await using waiting = await startScript(overloaded.replace('retry-after: 0', 'retry-after: 9'));
  await using relay = await startTestRelay(waiting.url, { clock });
  const started = await fetch(`${relay.url}/streams`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  });
  const { id } = (await started.json()) as { id: string };
  await turnsUntil(() => waiting.requests.length === 1);
  await fetch(`${relay.url}/streams/${id}/stop`, { method: 'POST' });
  const text = await (
    await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } })
  ).text();
  assert.match(text, /"code":"stopped".*\n\n$/);
  assert.equal(waiting.requests.length, 1);

  const going: RawAnswer = {
    bytes: streamResponse(sse(messageStart, ...textEvents(0, ' on').slice(0, 2))),
    then: 'hold',
  };
  await using upstream = await startScript(begun, going);
  await using other = await startTestRelay(upstream.url);
  const response = await askRelay(other, '/streams');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  while (!seen.includes(' on')) seen += (await reader.read()).value ?? '';
  await fetch(`${other.url}/streams/${response.headers.get('x-stream-id')}/stop`, { method: 'POST' });
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) seen += piece.value;
  assert.match(seen, /"code":"stopped".*\n\n$/);
  await upstream.clientLeft(1);
});

test('upstream’s silence ends a request at each limit, and the answer goes on', async () => {
  for (const [limit, silent, code] of [
    ['headersMs', { bytes: '', then: 'hold' }, 'headers_timeout'],
    ['idleMs', { bytes: streamResponse(begun), then: 'hold' }, 'idle_timeout'],
  ] as const) {
    const clock = new SteppedClock();
    await using upstream = await startScript(silent, rest);
    await using relay = await startTestRelay(upstream.url, { clock, calls: { timeouts: { [limit]: 5000 } } });
    const answered = askRelay(relay, '/streams');
    await turnsUntil(() => upstream.requests.length === 1);
    if (limit === 'idleMs')
      await relay.log.wait(
        (await answered).headers.get('x-stream-id') ?? '',
        { epoch: 0, sequence: 3 },
        AbortSignal.timeout(9000),
      );
    await clock.pass(10_000);
    const text = await (await answered).text();
    assert.match(text, new RegExp(`"reason":"${code}"`));
    assert.match(text, /and turns/);
  }
});

test('the limit on the whole call ends an answer with all its calls, and one that has not begun', async () => {
  const hold: RawAnswer = {
    bytes: streamResponse(sse(messageStart, ...textEvents(0, ' on').slice(0, -1))),
    then: 'hold',
  };
  const calls = { timeouts: { totalMs: 60_000 } };
  const clock = new SteppedClock();
  await using upstream = await startScript(begun, hold);
  await using relay = await startTestRelay(upstream.url, { clock, calls });
  const response = await askRelay(relay, '/streams');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(' on')) text += (await reader.read()).value ?? '';
  await clock.pass(59_999);
  assert.equal((await relay.log.state(response.headers.get('x-stream-id') ?? ''))?.ending, undefined);
  await clock.pass(1);
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value;
  assert.match(text, /event: error\ndata: .*"code":"total_timeout".*\n\n$/);
  assert.deepEqual(structuredClone(messageOf(text).message?.content), [
    { type: 'text', text: 'The wheel turns on' },
  ]);
  await upstream.clientLeft();

  await using silent = await startScript({ bytes: '', then: 'hold' });
  await using other = await startTestRelay(silent.url, { clock, calls });
  const asked = askRelay(other, '/v1/messages');
  await turnsUntil(() => silent.requests.length === 1);
  await clock.pass(60_000);
  const refused = await asked;
  assert.equal(refused.status, 504);
  assert.match(await refused.text(), /"type":"timeout_error"/);
  await silent.clientLeft();
});

interface Takeover {
  readonly log: MemoryStreamLog;
  readonly id: string;
}

/** A log as a process leaves it that was killed. */
async function leave(
  events: readonly StreamEvent[],
  takeover: TakeoverTerms | undefined,
  { createdAt = Date.now(), deaths = 1 } = {},
): Promise<Takeover> {
  const log = new MemoryStreamLog();
  const request = JSON.stringify({ ...params, stream: true });
  const open = {
    type: 'open',
    owner: 'local',
    request,
    createdAt,
    ...(takeover === undefined ? {} : { takeover }),
  } as const;
  await log.create({ id: 'left', open });
  const acquired = await log.acquire('left', 'dead', 60_000);
  assert.ok(acquired.type === 'acquired');
  const records = events.map((event): LogRecord => ({
    type: 'event',
    event: event.type,
    data: JSON.stringify(event),
  }));
  if (records.length > 0) await log.append('left', { after: acquired.tail, records });
  await log.release('left', 'dead');
  for (let death = 1; death < deaths; death += 1) {
    await log.acquire('left', 'dead', 60_000);
    await log.release('left', 'dead');
  }
  return { log, id: 'left' };
}

const terms = { target: '/v1/messages', headers: { 'anthropic-version': '2023-06-01' } };
const started = [messageStart, ...textEvents(0, 'The wheel ', 'turns').slice(0, -1)];

test('an answer whose relay was killed is gone on with by the next one, with its own key', async () => {
  const { log, id } = await leave(started, terms);
  await using upstream = await startScript(rest);
  await using relay = await startTestRelay(upstream.url, { log, upstream: { apiKey: 'sk-own' } });
  const response = await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } });
  const { message, ending } = messageOf(await response.text());
  assert.equal(ending?.type, 'complete');
  assert.deepEqual(message?.content, [{ type: 'text', text: 'The wheel turns and turns.' }]);
  assert.match(upstream.requests[0] ?? '', /authorization: Bearer sk-own/i);
  assert.match(upstream.requests[0] ?? '', /anthropic-version: 2023-06-01/);
});

test('an answer that is an hour old, or that three processes have died of, ends interrupted', async () => {
  await using upstream = await startScript(rest);
  const old = { createdAt: Date.now() - 61 * 60 * 1000 };
  for (const history of [old, { deaths: 3 }]) {
    for (const events of [started, []]) {
      const { log, id } = await leave(events, terms, history);
      await using relay = await startTestRelay(upstream.url, { log, upstream: { apiKey: 'sk-own' } });
      const response = await fetch(`${relay.url}/streams/${id}`, {
        headers: { accept: 'text/event-stream' },
      });
      assert.match(await response.text(), /"code":"interrupted"/);
    }
  }
  assert.equal(upstream.requests.length, 0);
  const { log, id } = await leave(started, terms, { deaths: 2 });
  await using relay = await startTestRelay(upstream.url, { log, upstream: { apiKey: 'sk-own' } });
  const response = await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } });
  assert.equal(messageOf(await response.text()).ending?.type, 'complete');
});

test('one that had nothing yet is asked for again, and one that was whole gets its end without a request', async () => {
  const empty = await leave([], terms);
  await using upstream = await startScript(rest);
  await using relay = await startTestRelay(upstream.url, { log: empty.log });
  const stream = (url: string) => fetch(`${url}/streams/left`, { headers: { accept: 'text/event-stream' } });
  assert.equal(messageOf(await (await stream(relay.url)).text()).ending?.type, 'complete');
  assert.equal(upstream.requests.length, 1);

  const whole = await leave([messageStart, ...textEvents(0, 'Hi'), ...messageEnd], terms);
  await using other = await startTestRelay(upstream.url, { log: whole.log });
  await (await stream(other.url)).text();
  assert.deepEqual((await whole.log.state('left'))?.ending, { type: 'complete' });
  assert.equal(upstream.requests.length, 1);
});

test('an answer that was asked for with a client’s own key, or by a relay that does not recover, ends interrupted', async () => {
  await using upstream = await startScript(rest);
  for (const [takeover, calls] of [
    [undefined, {}],
    [terms, { recover: false }],
  ] as const) {
    const { log, id } = await leave(started, takeover);
    await using relay = await startTestRelay(upstream.url, { log, calls });
    const response = await fetch(`${relay.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } });
    assert.match(await response.text(), /"code":"interrupted"/);
    const { usage, usage_estimated } = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as {
      usage: unknown;
      usage_estimated: boolean;
    };
    assert.deepEqual([usage, usage_estimated], [{ input_tokens: 9, output_tokens: 5 }, true]);
  }
  assert.equal(upstream.requests.length, 0);
});

test('the terms of a takeover hold no key, and are left out where only the client has one', async () => {
  await using upstream = await startScript(rest);
  for (const [own, isLeft] of [
    [{ apiKey: 'sk-own' }, true],
    [{}, false],
  ] as const) {
    await using relay = await startTestRelay(upstream.url, { upstream: own });
    const response = await askRelay(relay, '/streams', {
      headers: { 'x-api-key': 'sk-client', 'anthropic-beta': 'b-1' },
    });
    await response.text();
    const [open] = await recordsIn(relay.log, response.headers.get('x-stream-id') ?? '');
    assert.ok(open?.type === 'open');
    assert.equal(open.takeover !== undefined, isLeft);
    assert.doesNotMatch(JSON.stringify(open), /sk-/);
  }
});

test('the simulator’s own text comes whole through the relay, wherever it is cut', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url, { upstream: { isSimulator: true } });
  const ask = async (model: string, faults: readonly Fault[]): Promise<string> => {
    const body = { model, messages: [{ role: 'user', content: 'markdown' }] };
    const headers = {
      'x-simulator-fault': JSON.stringify({ key: `${model} ${JSON.stringify(faults)}`, faults }),
    };
    const text = await (await askRelay(relay, '/v1/messages', { headers, body })).text();
    const { message, ending } = messageOf(text);
    assert.equal(ending?.type, 'complete', text.slice(-300));
    return (message?.content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('');
  };
  for (const model of ['claude-sonnet-4-5', 'claude-sonnet-5']) {
    const whole = await ask(model, []);
    for (let atByte = 1300; atByte < 6000; atByte += 331) {
      for (const by of ['fin', 'rst'] as const) {
        assert.equal(
          await ask(model, [{ kind: 'cut', atByte, by, times: 1, lingerMs: 5 }]),
          whole,
          `${model} ${by} ${atByte}`,
        );
      }
    }
  }
});
