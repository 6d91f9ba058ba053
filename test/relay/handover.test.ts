// A relay that goes while answers are under way, and the one that comes after it on the same store.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageAccumulator, parseStreamEvent, SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent } from 'millrace/protocol';
import { createFetchHandler } from 'millrace/relay';
import type { LogLine } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';
import type { StreamLog } from 'millrace/storage';
import { askRelay, params } from '../support/ask-relay.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawAnswer, RawServer } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay, TestRelayOptions } from '../support/relay.ts';
import { startScript } from '../support/script-server.ts';
import { logWith } from '../support/stream-log.ts';
import { messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';
import { libraries, readUiText } from '../support/ui-client.ts';

const begun = sse(messageStart, ...textEvents(0, 'The wheel ', 'turns').slice(0, -1));
const rest = sse(messageStart, ...textEvents(0, ' and turns.'), ...messageEnd);
const own = { apiKey: 'sk-own' };

/** Logs that are there for the next relay. */
const lastingLog = (): StreamLog => logWith(new MemoryStreamLog(), { outlivesProcess: true });

/** A server that begins to answer and says no more, and one that gives the rest. */
const startSilent = (bytes = streamResponse(begun)): Promise<RawServer> =>
  startRawServer(() => ({ bytes, then: 'hold' }));
const startRest = (text = rest): Promise<RawServer> =>
  startRawServer((): RawAnswer => ({ bytes: streamResponse(text) + cleanEnd, then: 'hold' }));

/** A relay that may go before its test is over. */
function startRelay(upstream: RawServer, log: StreamLog, options: TestRelayOptions = {}): Promise<TestRelay> {
  return startTestRelay(upstream.url, { log, upstream: own, ...options });
}

function get(
  relay: TestRelay,
  id: string,
  { after, format = 'messages' }: { after?: string; format?: string } = {},
) {
  const headers = { accept: 'text/event-stream', ...(after === undefined ? {} : { 'last-event-id': after }) };
  return fetch(`${relay.url}/streams/${id}?format=${format}`, { headers });
}

const idOf = (response: Response): string => response.headers.get('x-stream-id') ?? '';

/** Reads a stream as it comes. */
function listen(response: Response): { readonly text: string; readonly ended: Promise<string> } {
  const heard = { text: '' };
  const read = async (): Promise<string> => {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) heard.text += text;
    return heard.text;
  };
  return Object.assign(heard, { ended: read() });
}

function framesOf(text: string): ServerSentEvent[] {
  const decoder = new SseDecoder();
  return [...decoder.push(text), ...decoder.end()];
}

function messageOf(frames: readonly ServerSentEvent[]): MessageAccumulator {
  const accumulator = new MessageAccumulator();
  for (const frame of frames) accumulator.push(parseStreamEvent(frame));
  return accumulator;
}

const sequences = (frames: readonly ServerSentEvent[]): (number | undefined)[] =>
  frames.map(({ id }) => (id === undefined ? undefined : Number(id.split('-')[1])));

test('an answer is left to the next relay, and a reader who comes back has each event once', async () => {
  const log = lastingLog();
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, log);
  const response = await askRelay(relay);
  const heard = listen(response);
  await turnsUntil(() => heard.text.includes('turns'));
  await relay.relay.close({ handOver: true });
  await upstream.clientLeft();
  assert.deepEqual(await log.abandoned(), [idOf(response)], 'it can be taken at once');
  const before = framesOf(await heard.ended);
  const last = before.pop();
  assert.equal(last?.event, 'millrace');
  assert.equal(last?.data, '{"type":"millrace","record":{"type":"reconnect"}}');
  assert.equal(last?.id, undefined, 'it is no entry of the log');

  await using other = await startRest();
  await using next = await startRelay(other, log);
  const after = before.at(-1)?.id ?? '';
  const frames = [...before, ...framesOf(await (await get(next, idOf(response), { after })).text())];
  assert.deepEqual(
    sequences(frames),
    frames.map((_, index) => index + 1),
  );
  const { message, ending } = messageOf(frames);
  assert.equal(ending?.type, 'complete');
  assert.deepEqual(message?.content, [{ type: 'text', text: 'The wheel turns and turns.' }]);
  assert.match(other.requests[0] ?? '', /authorization: Bearer sk-own/i);
  const state = (await (await fetch(`${next.url}/streams/${idOf(response)}`)).json()) as Record<
    string,
    unknown
  >;
  assert.equal(state['usage_estimated'], true, 'what the call that was left took is settled');
});

test('a reader of text is told to come back too, and gets the rest of the text', async () => {
  const log = lastingLog();
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, log);
  const response = await askRelay(relay, '/chat/stream');
  const heard = listen(response);
  await turnsUntil(() => heard.text.includes('turns'));
  await relay.relay.close({ handOver: true });
  const before = framesOf(await heard.ended);
  assert.deepEqual([before.at(-1)?.event, before.at(-1)?.data], ['reconnect', '{}']);
  await using other = await startRest();
  await using next = await startRelay(other, log);
  const after = before.at(-2)?.id ?? '';
  const text = await (await get(next, idOf(response), { after, format: 'text' })).text();
  const frames = [...before, ...framesOf(text)];
  const said = frames.filter(({ event }) => event === 'text').map(({ data }) => JSON.parse(data) as string);
  assert.equal(said.join(''), 'The wheel turns and turns.');
  assert.equal(frames.at(-1)?.event, 'done');
});

test('a page of ai 6 that comes back is shown no half call of a tool: one that breaks off again is made anew unseen', async () => {
  const log = lastingLog();
  const message = { role: 'user', parts: [{ type: 'text', text: 'x' }] };
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, log);
  const body = { id: 'c', messages: [message] };
  const first = listen(await askRelay(relay, '/api/chat', { body }));
  await turnsUntil(() => first.text.includes('turns'));
  await relay.server.close({ handOver: true });
  assert.match(await first.ended, /: reconnect\n\n.*"type":"error"/s);

  const tool = toolEvents(1, '{"place":"mi', 'll"}');
  const broken = sse(messageStart, ...textEvents(0, ' and'), ...tool.slice(0, 2));
  const whole = sse(messageStart, ...textEvents(0, '.'), ...toolEvents(1, '{"place":"weir"}'), ...messageEnd);
  await using other = await startScript(broken, whole);
  await using next = await startRelay(other, log, { calls: { retry: { maxDelayMs: 0 } } });
  const text = await (await fetch(`${next.url}/api/chat/c/stream`)).text();
  const { message: read, errors } = await readUiText(text, libraries[6]);
  assert.deepEqual(errors, []);
  const call = read?.parts.find(({ type }) => type === 'dynamic-tool') as { input?: unknown } | undefined;
  assert.deepEqual(call?.input, { place: 'weir' });
  assert.doesNotMatch(text, /\{\\"place\\":\\"mi/);
  assert.equal(other.requests.length, 2);
});

/** How far on the clock is of the relay that looks at it. */
let laterMs = 0;

const finishedTool = sse(messageStart, ...toolEvents(0, '{"place":"mill"}'));

for (const [title, path, options, bytes] of [
  ['whose store ends with the process', '/streams', { log: new MemoryStreamLog() }, begun],
  ['of a relay that does not recover', '/streams', { calls: { recover: false } }, begun],
  ['of a relay without a recovery left', '/streams', { calls: { recover: { maxRecoveries: 0 } } }, begun],
  ['asked for with the client’s key', '/streams', { upstream: {} }, begun],
  ['that is an hour old', '/streams', { now: () => Date.now() + laterMs }, begun],
  ['with a finished call of a tool', '/streams', {}, finishedTool],
  ['of /v1/messages', '/v1/messages', {}, begun],
] as const) {
  test(`an answer ${title} is nobody’s to go on with: it ends stopped`, async () => {
    const log = lastingLog();
    await using upstream = await startSilent(streamResponse(bytes));
    await using relay = await startRelay(upstream, log, options);
    const response = await askRelay(relay, path);
    const heard = listen(response);
    await turnsUntil(() => heard.text.includes('_delta'));
    laterMs = 61 * 60 * 1000;
    await relay.relay.close({ handOver: true });
    laterMs = 0;
    assert.match(await heard.ended, /\nevent: error\ndata: .*"code":"stopped".*\n\n$/);
    assert.deepEqual(await log.abandoned(), []);
    await upstream.clientLeft();
  });
}

test('who waits for upstream’s word gets the stream and its id, to come back with', async () => {
  for (const path of ['/streams', '/chat/stream']) {
    const log = lastingLog();
    await using upstream = await startSilent('');
    await using relay = await startRelay(upstream, log);
    const asked = askRelay(relay, path);
    await turnsUntil(() => upstream.requests.length === 1);
    await relay.relay.close({ handOver: true });
    const response = await asked;
    assert.equal(response.status, 200);
    assert.match(await response.text(), /reconnect.*\n\n$/s);
    await using other = await startRest();
    await using next = await startRelay(other, log, { calls: { retry: { maxDelayMs: 0 } } });
    const frames = framesOf(await (await get(next, idOf(response))).text());
    assert.deepEqual(messageOf(frames).message?.content, [{ type: 'text', text: ' and turns.' }]);
  }
  const log = lastingLog();
  await using upstream = await startSilent('');
  await using relay = await startRelay(upstream, log);
  const asked = askRelay(relay, '/v1/messages');
  await turnsUntil(() => upstream.requests.length === 1);
  await relay.relay.close({ handOver: true });
  assert.equal((await asked).status, 503, 'nobody goes on with this one');
  assert.deepEqual(await log.abandoned(), []);
});

test('an answer that is being gone on with is left as well, until it was gone on with as often as it may be', async () => {
  const log = lastingLog();
  const more = (text: string): string => sse(messageStart, ...textEvents(0, text).slice(0, -1));
  await using first = await startRawServer((request) =>
    request.includes('interrupted')
      ? { bytes: streamResponse(more(' and')), then: 'hold' }
      : { bytes: streamResponse(begun), then: 'fin' },
  );
  const relay = await startRelay(first, log);
  const response = await askRelay(relay);
  const heard = listen(response);
  await turnsUntil(() => heard.text.includes(' and'));
  await relay.server.close({ handOver: true });
  assert.match(await heard.ended, /"reconnect"/);
  assert.deepEqual(await log.abandoned(), [idOf(response)]);

  await using second = await startSilent(streamResponse(more(' on')));
  await using next = await startRelay(second, log);
  const again = listen(await get(next, idOf(response)));
  await turnsUntil(() => again.text.includes(' on'));
  await next.relay.close({ handOver: true });
  const text = await again.ended;
  assert.match(text, /"code":"stopped".*\n\n$/, 'twice is as often as it may be');
  assert.deepEqual(structuredClone(messageOf(framesOf(text)).message?.content), [
    { type: 'text', text: 'The wheel turns and on' },
  ]);
});

test('a stop that came first is a stop', async () => {
  const log = lastingLog();
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, log);
  const response = await askRelay(relay);
  const heard = listen(response);
  await turnsUntil(() => heard.text.includes('turns'));
  const stopped = fetch(`${relay.url}/streams/${idOf(response)}/stop`, { method: 'POST' });
  await turnsUntil(() => heard.text.includes('stopped'));
  await relay.relay.close({ handOver: true });
  await stopped;
  assert.match(await heard.ended, /"code":"stopped".*\n\n$/);
});

test('who asked for a stop at leaving, and is cut off because the relay goes, has stopped nothing', async () => {
  const log = lastingLog();
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, log);
  const handler = createFetchHandler(relay.relay);
  const leaving = new AbortController();
  const response = await handler(
    new Request('http://localhost/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ ...params, onDisconnect: 'stop' }),
      signal: leaving.signal,
    }),
  );
  const reader = response.body!.getReader();
  await reader.read();
  await relay.relay.close({ handOver: true });
  leaving.abort();
  await reader.cancel();
  assert.deepEqual(await log.abandoned(), [idOf(response)]);
  assert.equal((await log.state(idOf(response)))?.ending, undefined);
});

test('a reader of a stream that another process produces is told to come back when this relay goes', async () => {
  const log = lastingLog();
  await log.create({ id: 's', open: { type: 'open', owner: 'local', request: '{}', createdAt: Date.now() } });
  await log.acquire('s', 'another', 60_000);
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, log);
  const heard = listen(await get(relay, 's'));
  await turnsUntil(() => heard.text.includes('attempt'));
  await relay.relay.close();
  assert.match(await heard.ended, /"type":"attempt".*\n\nevent: millrace\ndata: .*"reconnect".*\n\n$/);
  assert.equal((await log.state('s'))?.ending, undefined);
});

test('a relay that drains takes over nothing more', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const log = lastingLog();
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, log);
  const heard = listen(await askRelay(relay));
  await turnsUntil(() => heard.text.includes('turns'));
  const drained = relay.relay.drain(2 ** 31);
  const takeover = { target: '/v1/messages', headers: {} };
  const request = JSON.stringify(params);
  const open = { type: 'open', owner: 'local', request, createdAt: Date.now(), takeover } as const;
  await log.create({ id: 's', open });
  t.mock.timers.tick(5_000);
  await new Promise(setImmediate);
  assert.equal((await log.state('s'))?.tail.sequence, 1);
  await relay.relay.close({ handOver: true });
  await drained;
  assert.equal(upstream.requests.length, 1);
});

test('the operator is told which streams were left', async () => {
  const lines: LogLine[] = [];
  await using upstream = await startSilent();
  await using relay = await startRelay(upstream, lastingLog(), { onLog: (line) => lines.push(line) });
  const response = await askRelay(relay);
  const heard = listen(response);
  await turnsUntil(() => heard.text.includes('turns'));
  await relay.relay.close({ handOver: true });
  await heard.ended;
  const line = lines.find(({ type }) => type === 'stream');
  assert.ok(line?.type === 'stream');
  assert.deepEqual([line.streamId, line.ending, line.code], [idOf(response), 'handed_over', undefined]);
  assert.deepEqual(relay.errors, []);
});
