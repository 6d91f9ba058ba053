// A connection that reads is sent away when it is old, to come back: nothing is lost by it, and nothing stops by it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseDecoder } from 'millrace/protocol';
import type { RelayTelemetry } from 'millrace/relay';
import { startHeldUpstream } from '../support/held-upstream.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';
import { turnsUntil } from '../support/turns.ts';

const question = { messages: [{ role: 'user', content: 'x' }] };
const limits = { maxConnectionAgeMs: 50 };

function post(relay: TestRelay, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
  return fetch(relay.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

const idOf = (response: Response): string => response.headers.get('x-stream-id') ?? '';

/** One connection, from behind an id to the end of the body. */
async function readOnce(
  relay: TestRelay,
  id: string,
  after: string,
): Promise<{ text: string; last: string }> {
  const headers = { accept: 'text/event-stream', ...(after === '' ? {} : { 'last-event-id': after }) };
  const text = await (await fetch(`${relay.url}/streams/${id}`, { headers })).text();
  const decoder = new SseDecoder();
  decoder.push(text);
  return { text, last: decoder.lastEventId || after };
}

function outcomes(): { telemetry: RelayTelemetry[]; ended: string[] } {
  const ended: string[] = [];
  return { telemetry: [{ readerEnded: (outcome) => void ended.push(outcome) }], ended };
}

test('Connection age: a reader that comes back each time gets every event once, and the end', async () => {
  await using upstream = await startHeldUpstream();
  const { telemetry, ended } = outcomes();
  await using relay = await startTestRelay(upstream.server.url, { limits, telemetry });
  const first = await post(relay, '/streams', question);
  const id = idOf(first);
  await first.body?.cancel();
  await turnsUntil(() => ended.length === 1);
  const texts: string[] = [];
  for (let last = ''; !texts.at(-1)?.includes('message_stop');) {
    const read = await readOnce(relay, id, last);
    last = read.last;
    texts.push(read.text);
    if (texts.length === 3) upstream.goOn();
  }
  for (const text of texts.slice(0, -1)) assert.match(text, /"type":"reconnect"\}\}\n\n$/);
  const ids = texts.join('').match(/^id: .*$/gm) ?? [];
  assert.equal(new Set(ids).size, ids.length);
  assert.match(texts.join(''), /Half[^]* and half[^]*message_stop/);
  // Of the first one it may be its age that comes before its leaving.
  assert.match(ended[0] ?? '', /^(left|sent_away)$/);
  assert.deepEqual(ended.slice(1), [...texts.slice(1).map(() => 'sent_away'), 'ended']);
  assert.deepEqual(relay.errors, []);
});

test('Connection age: an answer that only goes on for its reader is not stopped while it comes back', async () => {
  await using upstream = await startHeldUpstream();
  await using relay = await startTestRelay(upstream.server.url, { limits });
  const first = await post(relay, '/streams', { ...question, onDisconnect: 'stop' });
  assert.match(await first.text(), /"type":"reconnect"/);
  upstream.goOn();
  const { text } = await readOnce(relay, idOf(first), '');
  assert.match(text, /and half[^]*message_stop/);
});

test('Connection age: every format that has a word for it says it, and the others read to the end', async () => {
  for (const [format, word] of [
    ['messages', /"type":"reconnect"\}\}\n\n$/],
    ['text', /event: reconnect\ndata: \{\}\n\n$/],
    ['ndjson', /"reconnect"[^\n]*\n$/],
    ['log', /"reconnect"[^\n]*\n$/],
  ] as const) {
    await using upstream = await startHeldUpstream();
    await using relay = await startTestRelay(upstream.server.url, { limits });
    assert.match(await (await post(relay, `/streams?format=${format}`, question)).text(), word, format);
  }
  await using upstream = await startHeldUpstream();
  const { telemetry, ended } = outcomes();
  await using relay = await startTestRelay(upstream.server.url, { limits, telemetry });
  const api = await post(relay, '/v1/messages', { ...question, model: 'm', max_tokens: 9, stream: true });
  const ui = await post(relay, '/streams?format=ui', question);
  const aged = await post(relay, '/streams', question);
  await aged.text();
  upstream.goOn();
  assert.match(await api.text(), /and half[^]*message_stop/);
  assert.match(await ui.text(), /and half[^]*"finish"/);
  await turnsUntil(() => ended.length === 3);
  assert.deepEqual(ended.toSorted(), ['ended', 'ended', 'sent_away']);
});

test('Connection age: another one counts from the next connection on', async () => {
  await using upstream = await startHeldUpstream();
  await using relay = await startTestRelay(upstream.server.url);
  const never = await post(relay, '/streams', question);
  relay.relay.setLimits(limits);
  const { text } = await readOnce(relay, idOf(never), '');
  assert.match(text, /"type":"reconnect"/);
  upstream.goOn();
  assert.match(await never.text(), /message_stop/);
});
