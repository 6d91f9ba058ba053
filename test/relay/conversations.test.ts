// Conversations that the relay keeps: what goes upstream of them, and what stays.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StreamEvent } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import type { Simulator } from 'millrace/simulator';
import { MemoryConversations, MemoryStreamLog } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import { logWith } from '../support/stream-log.ts';
import type { TestRelayOptions } from '../support/relay.ts';
import { messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';

const events = { accept: 'text/event-stream' };

interface Turn {
  readonly id: string;
  readonly parent: string | null;
  readonly role: string;
  readonly content: string | readonly Record<string, unknown>[];
  readonly state?: string;
  readonly answer?: Record<string, unknown>;
}

interface Conversation {
  readonly id: string;
  readonly title: string;
  readonly head: string;
  readonly turns: readonly Turn[];
}

interface Sent {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
}

const json = { 'content-type': 'application/json' };

function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) });
}

function patch(url: string, body: object): Promise<Response> {
  return fetch(url, { method: 'PATCH', headers: json, body: JSON.stringify(body) });
}

const remove = (url: string) => fetch(url, { method: 'DELETE' });

const ask = (content: unknown, more: object = {}) => ({ messages: [{ role: 'user', content }], ...more });

/** Asks, and reads the answer to its end; resolves with the ids. */
async function say(url: string, body: object): Promise<{ conversation: string; stream: string }> {
  const response = await post(`${url}/streams`, body, events);
  assert.equal(response.status, 200, await response.clone().text());
  await response.text();
  return {
    conversation: response.headers.get('x-conversation-id') ?? '',
    stream: response.headers.get('x-stream-id') ?? '',
  };
}

async function read(url: string, id: string): Promise<Conversation> {
  const response = await fetch(`${url}/conversations/${encodeURIComponent(id)}`);
  assert.equal(response.status, 200);
  return (await response.json()) as Conversation;
}

/** What the last request upstream had for messages. */
function sentTo(simulator: Simulator): Sent['messages'] {
  const { body } = simulator.requests.at(-1) ?? {};
  return (body as Sent).messages;
}

async function refusalOf(response: Response): Promise<unknown[]> {
  const { error } = (await response.json()) as {
    error: { type: string; message: string; details?: { code: string } };
  };
  return [response.status, error.type, error.details?.code];
}

/** Reads until the text has come, and leaves the response open. */
async function readTo(response: Response, text: string): Promise<ReadableStreamDefaultReader<string>> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  while (!seen.includes(text)) seen += (await reader.read()).value ?? '';
  return reader;
}

/** A relay in front of an upstream that answers in turn with these events. */
async function startWith(answers: readonly (readonly StreamEvent[])[], options: TestRelayOptions = {}) {
  let count = 0;
  const upstream = await startRawServer(() => {
    const body = sse(...(answers[count] ?? []));
    count += 1;
    return { bytes: streamResponse(body), then: 'hold' };
  });
  const relay = await startTestRelay(upstream.url, options);
  const messages = (): Sent['messages'] => {
    const { [upstream.requests.length - 1]: last = '' } = upstream.requests;
    return (JSON.parse(last.slice(last.indexOf('\r\n\r\n'))) as Sent).messages;
  };
  const dispose = async (): Promise<void> => {
    await relay[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  };
  return { url: relay.url, relay, messages, [Symbol.asyncDispose]: dispose };
}

const hello = [messageStart, ...textEvents(0, 'Hel', 'lo'), ...messageEnd];

test('a conversation is made by its first question, and goes upstream with the next one', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const first = await say(relay.url, ask('echo one\ntwo', { conversation: null }));
  assert.match(first.conversation, /^[\w-]{22}$/);
  const second = await say(relay.url, ask('echo three', { conversation: first.conversation }));
  assert.deepEqual(sentTo(simulator), [
    { role: 'user', content: 'echo one\ntwo' },
    { role: 'assistant', content: [{ type: 'text', text: 'one\ntwo' }] },
    { role: 'user', content: 'echo three' },
  ]);
  const { title, head, turns } = await read(relay.url, first.conversation);
  assert.deepEqual([title, head], ['echo one two', second.stream]);
  assert.deepEqual(
    turns.map(({ role, content }) => [role, content]),
    [
      ['user', 'echo one\ntwo'],
      ['assistant', [{ type: 'text', text: 'one\ntwo' }]],
      ['user', 'echo three'],
      ['assistant', [{ type: 'text', text: 'three' }]],
    ],
  );
  assert.deepEqual(
    turns.map(({ parent }) => parent),
    [null, ...turns.slice(0, -1).map(({ id }) => id)],
  );
  assert.deepEqual([turns[1]?.id, turns[1]?.state], [first.stream, 'ended']);
  const { ending, stop_reason, usage } = turns[1]?.answer ?? {};
  assert.deepEqual([ending, stop_reason], ['complete', 'end_turn']);
  assert.ok((usage as { output_tokens: number }).output_tokens > 0);
});

test('thinking goes back with its signature byte for byte, and calls with their results in order', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const tools = [
    { name: 'get_weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } },
  ];
  const thinking = { type: 'enabled', budget_tokens: 1024 };
  const more = { max_tokens: 4096, model: 'claude-sonnet-4-5', thinking, tools };
  const begun = await say(relay.url, ask('use tools in parallel', { ...more, conversation: 'c' }));
  const state = (await (await fetch(`${relay.url}/streams/${begun.stream}`)).json()) as {
    message: { content: Record<string, unknown>[] };
  };
  const calls = state.message.content.filter(({ type }) => type === 'tool_use');
  assert.equal(state.message.content[0]?.['type'], 'thinking');
  assert.ok(calls.length >= 2, JSON.stringify(state.message.content));
  const results = calls
    .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'sun' }))
    .toReversed();
  await say(relay.url, ask(results, { ...more, conversation: 'c' }));
  const [, answer, question] = sentTo(simulator);
  assert.deepEqual(answer?.content, state.message.content);
  assert.deepEqual(question?.content, results.toReversed());
});

test('a turn that was stopped is usable: its text stays, its calls are answered for it', async () => {
  const cut = [messageStart, ...textEvents(0, 'Half an '), ...toolEvents(1, '{"a":1}')];
  await using at = await startWith([cut, hello]);
  const response = await post(`${at.url}/streams`, ask('x', { conversation: 'c' }), events);
  const stream = response.headers.get('x-stream-id') ?? '';
  const reader = await readTo(response, '"content_block_stop","index":1');
  const [open] = (await read(at.url, 'c')).turns.slice(-1);
  assert.deepEqual([open?.state, open?.content, open?.id], ['streaming', [], stream]);
  const early = await post(`${at.url}/streams`, ask('y', { conversation: 'c' }));
  assert.deepEqual(await refusalOf(early), [409, 'conflict_error', 'answer_under_way']);
  await post(`${at.url}/streams/${stream}/stop`, {});
  while (!(await reader.read()).done);
  await say(at.url, ask('go on', { conversation: 'c' }));
  const [, answer, question] = at.messages();
  assert.deepEqual(answer, {
    role: 'assistant',
    content: [
      { type: 'text', text: 'Half an ' },
      { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { a: 1 } },
    ],
  });
  const [result, said] = (question?.content ?? []) as Record<string, unknown>[];
  assert.deepEqual([result?.['tool_use_id'], result?.['is_error']], ['toolu_1', true]);
  assert.deepEqual(said, { type: 'text', text: 'go on' });
  const { turns } = await read(at.url, 'c');
  assert.equal(turns[1]?.answer?.['ending'], 'stopped');
});

test('a refused turn, and one that the API rejects, stays to be read and is not sent again', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  await say(relay.url, ask('echo fine', { conversation: 'c' }));
  await say(relay.url, ask('refuse', { conversation: 'c' }));
  const rejected = await post(
    `${relay.url}/streams`,
    ask('bad', { conversation: 'c', max_tokens: 0 }),
    events,
  );
  assert.equal(rejected.status, 400);
  await say(relay.url, ask('echo more', { conversation: 'c' }));
  assert.deepEqual(
    sentTo(simulator).map(({ role, content }) => [role, content]),
    [
      ['user', 'echo fine'],
      ['assistant', [{ type: 'text', text: 'fine' }]],
      ['user', 'echo more'],
    ],
  );
  const { turns } = await read(relay.url, 'c');
  assert.deepEqual(
    turns.filter(({ role }) => role === 'assistant').map(({ answer }) => answer?.['leftOut']),
    [undefined, 'refusal', 'rejected', undefined],
  );
});

test('who is refused may ask again at once: the answer has its end before the refusal is told', async () => {
  const log = new MemoryStreamLog();
  const order: string[] = [];
  const slow = logWith(log, {
    append: async (id, append) => {
      const isEnd = append.records.some(({ type }) => type === 'end');
      const turns = isEnd ? 500 : 0;
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      const result = await log.append(id, append);
      if (isEnd) order.push('end');
      return result;
    },
  });
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url, { log: slow });
  const bad = ask('x', { conversation: 'c', max_tokens: 0 });
  for (let count = 0; count < 2; count += 1) {
    const { status } = await post(`${relay.url}/streams`, bad, events);
    order.push(String(status));
  }
  assert.deepEqual(order, ['end', '400', 'end', '400']);
});

test('parent begins a branch; no messages ask again; PATCH names and turns to a branch', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const conversation = 'été/1 ?';
  const first = await say(relay.url, ask('echo one', { conversation }));
  assert.equal(first.conversation, encodeURIComponent(conversation));
  await say(relay.url, ask('echo two', { conversation }));
  const { turns } = await read(relay.url, conversation);
  const edited = await say(relay.url, ask('echo other', { conversation, parent: first.stream }));
  assert.deepEqual(
    sentTo(simulator).map(({ content }) => content),
    ['echo one', [{ type: 'text', text: 'one' }], 'echo other'],
  );
  await say(relay.url, { messages: [], conversation, parent: turns[2]?.id });
  assert.equal(sentTo(simulator).at(-1)?.content, 'echo two');
  await say(relay.url, { conversation, parent: turns[0]?.id });
  assert.deepEqual(sentTo(simulator), [{ role: 'user', content: 'echo one' }]);
  await say(relay.url, ask('echo anew', { conversation, parent: null }));
  assert.deepEqual(sentTo(simulator), [{ role: 'user', content: 'echo anew' }]);
  const whole = await read(relay.url, conversation);
  assert.deepEqual(
    whole.turns.map(({ parent }) => whole.turns.findIndex(({ id }) => id === parent)),
    [-1, 0, 1, 2, 1, 4, 2, 0, -1, 8],
  );
  const url = `${relay.url}/conversations/${encodeURIComponent(conversation)}`;
  const patched = await patch(url, { title: ' The\nmill ', head: edited.stream });
  const { title, head } = (await patched.json()) as Conversation;
  assert.deepEqual([patched.status, title, head], [200, 'The mill', edited.stream]);
  await say(relay.url, ask('echo last', { conversation }));
  assert.deepEqual(
    sentTo(simulator).map(({ content }) => content),
    [
      'echo one',
      [{ type: 'text', text: 'one' }],
      'echo other',
      [{ type: 'text', text: 'other' }],
      'echo last',
    ],
  );
});

test('GET /conversations lists the one changed last first, page by page', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  let time = 1_000_000;
  await using relay = await startTestRelay(simulator.url, { now: () => (time += 1) });
  for (const conversation of ['a', 'b', 'c'])
    await say(relay.url, ask(`echo ${conversation}`, { conversation }));
  await say(relay.url, ask('echo again', { conversation: 'a' }));
  const list = async (query: string) =>
    (await (await fetch(`${relay.url}/conversations${query}`)).json()) as {
      conversations: { id: string; title: string }[];
      next: string | null;
    };
  const first = await list('?limit=2');
  assert.deepEqual(
    first.conversations.map(({ id, title }) => [id, title]),
    [
      ['a', 'echo a'],
      ['c', 'echo c'],
    ],
  );
  const rest = await list(`?limit=2&after=${encodeURIComponent(first.next ?? '')}`);
  assert.deepEqual([rest.conversations.map(({ id }) => id), rest.next], [['b'], null]);
  for (const query of ['?limit=0', '?limit=101', '?limit=x', '?after=x', '?after=.'])
    assert.equal((await fetch(`${relay.url}/conversations${query}`)).status, 400, query);
});

test('DELETE /conversations/:id stops the answer under way and removes turns and logs', async () => {
  await using at = await startWith([hello, [messageStart, ...textEvents(0, 'a', 'b').slice(0, 3)]]);
  const first = await say(at.url, ask('x', { conversation: 'c' }));
  const response = await post(`${at.url}/streams`, ask('y', { conversation: 'c' }), events);
  const url = `${at.url}/conversations/c`;
  const deleted = await remove(url);
  assert.deepEqual([deleted.status, await deleted.text()], [204, '']);
  assert.match(await response.text(), /"code":"(?:stopped|stream_gone)"/);
  for (const gone of [url, `${at.url}/streams/${first.stream}`])
    assert.equal((await fetch(gone)).status, 404);
  assert.equal((await remove(url)).status, 404);
  assert.equal((await patch(url, { title: 'x' })).status, 404);
  assert.deepEqual(at.relay.errors, []);
});

test('a question sent again with its Idempotency-Key attaches, and is in the conversation once', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  await say(relay.url, ask('echo first', { conversation: 'c' }));
  const send = (content: string) =>
    post(`${relay.url}/streams`, ask(content, { conversation: 'c' }), { 'idempotency-key': 'k' });
  const [one, two] = [await send('echo once'), await send('echo once')];
  assert.equal(one.headers.get('x-stream-id'), two.headers.get('x-stream-id'));
  const other = await send('echo twice');
  assert.equal(other.status, 409);
  await (await fetch(`${relay.url}/streams/${one.headers.get('x-stream-id')}`, { headers: events })).text();
  const third = await send('echo once');
  assert.equal(third.headers.get('x-stream-id'), one.headers.get('x-stream-id'), 'also when it has ended');
  assert.equal((await read(relay.url, 'c')).turns.length, 4);
  assert.equal(simulator.requests.length, 2);
});

test('a question that makes a conversation, sent again with its key, is told the name that was made', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const send = (conversation: string | null | undefined) =>
    post(`${relay.url}/streams`, ask('echo once', { conversation }), { 'idempotency-key': 'k' });
  const together = await Promise.all([send(null), send(null)]);
  const later = await send(null);
  const names = [...together, later].map(({ headers }) => headers.get('x-conversation-id'));
  assert.equal(new Set(names).size, 1, names.join());
  assert.equal(((await later.json()) as { conversation: string }).conversation, names[0]);
  assert.equal((await read(relay.url, names[0] ?? '')).turns.length, 2);
  assert.equal((await send('another')).status, 409, 'and is no question of another conversation');
  assert.equal((await send(undefined)).status, 409);
});

test('an Idempotency-Key that comes with another place of a conversation, or with another one, is a conflict', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const { stream: first } = await say(relay.url, ask('echo first', { conversation: 'c' }));
  const send = (more: object, content = 'echo once') =>
    post(`${relay.url}/streams`, ask(content, more), { 'idempotency-key': JSON.stringify(more) });
  const again = async (key: object, body: object) =>
    (await post(`${relay.url}/streams`, body, { 'idempotency-key': JSON.stringify(key) })).status;
  const [behind, begun, fresh, named] = [
    { conversation: 'c', parent: first },
    { conversation: 'c', parent: null },
    { conversation: null },
    { conversation: 'd' },
  ];
  for (const more of [behind, begun, fresh, named]) {
    const { id } = (await (await send(more)).json()) as { id: string };
    await (await fetch(`${relay.url}/streams/${id}`, { headers: events })).text();
    assert.equal(await again(more, ask('echo once', more)), 202);
  }
  for (const [key, body] of [
    [behind, ask('echo once', begun)],
    [behind, ask('echo once', { conversation: 'c' })],
    [begun, ask('echo once', { conversation: 'c' })],
    [begun, ask('echo once', named)],
    [begun, ask('echo once')],
    [fresh, ask('echo once', named)],
    [named, ask('echo once', fresh)],
    [named, { ...named, messages: [] }],
  ] as const)
    assert.equal(await again(key, body), 409, JSON.stringify([key, body]));
  assert.equal(simulator.requests.length, 5);
});

test('a request that cannot be a turn is refused, with the field, and leaves nothing', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  await say(relay.url, ask('echo x', { conversation: 'c' }));
  const cases: [body: object, status: number, message: RegExp][] = [
    [ask('x', { conversation: 7 }), 400, /^conversation: /],
    [ask('x', { conversation: '' }), 400, /^conversation: /],
    [ask('x', { conversation: '.' }), 400, /^conversation: must be .* not "\." or/],
    [ask('x', { conversation: '..' }), 400, /^conversation: /],
    [ask('x', { conversation: 'a\nb' }), 400, /^conversation: /],
    [ask('x', { conversation: 'half \ud83d' }), 400, /^conversation: /],
    [ask('x', { conversation: 'x'.repeat(129) }), 400, /^conversation: /],
    [ask('x', { parent: 'y' }), 400, /^parent: /],
    [ask('x', { conversation: 'c', parent: 7 }), 400, /^parent: /],
    [ask('x', { conversation: 'c', parent: 'none' }), 404, /^parent: /],
    [ask('', { conversation: 'c' }), 400, /^messages\.0\.content: /],
    [ask([{}], { conversation: 'c' }), 400, /^messages\.0\.content: /],
    [{ messages: ['x'], conversation: 'c' }, 400, /^messages\.0\.role: /],
    [{ messages: [{ role: 'system', content: 'x' }], conversation: 'c' }, 400, /^messages\.0\.role: /],
    [{ messages: [], conversation: 'c' }, 400, /^messages: must end with a user turn/],
    [{ conversation: 'new' }, 400, /^messages: must end with a user turn/],
    [{ messages: [], conversation: 'new' }, 400, /^messages: must end with a user turn/],
    [{ messages: [{ role: 'assistant', content: 'x' }], conversation: 'c' }, 400, /^messages: must end/],
  ];
  for (const [body, status, message] of cases) {
    const response = await post(`${relay.url}/streams`, body);
    const { error } = (await response.json()) as { error: { message: string } };
    assert.deepEqual([response.status, message.test(error.message)], [status, true], error.message);
  }
  const url = `${relay.url}/conversations/c`;
  for (const [body, status] of [
    [{ title: ' ' }, 400],
    [{ title: 1 }, 400],
    [{ head: 1 }, 400],
    [{ head: 'none' }, 404],
    [{ colour: 'red' }, 400],
  ] as const)
    assert.equal((await patch(url, body)).status, status, JSON.stringify(body));
  assert.equal((await fetch(`${relay.url}/conversations/%ff`)).status, 404);
  assert.equal((await read(relay.url, 'c')).turns.length, 2);
  assert.equal(simulator.requests.length, 1);
});

test('a conversation that is full takes no more, and upstream is not asked', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const conversations = new MemoryConversations({ maxConversations: 1, maxConversationBytes: 200 });
  await using relay = await startTestRelay(simulator.url, { conversations });
  await say(relay.url, ask('echo x', { conversation: 'c' }));
  for (const body of [ask('x'.repeat(200), { conversation: 'c' }), ask('x', { conversation: 'd' })]) {
    const response = await post(`${relay.url}/streams`, body, { ...events, 'idempotency-key': 'k' });
    assert.deepEqual(await refusalOf(response), [413, 'request_too_large', 'conversation_full']);
  }
  assert.equal(simulator.requests.length, 1);
  assert.equal((await read(relay.url, 'c')).turns.length, 2);
  assert.deepEqual(relay.errors, []);
});

test('POST /chat/stream asks in a conversation as well', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const send = (body: object) => post(`${relay.url}/chat/stream`, body);
  await (await send({ message: 'echo one', conversation: 'c' })).text();
  const response = await send({ message: 'echo two', conversation: 'c', system: 'Be brief.' });
  assert.equal(response.headers.get('x-conversation-id'), 'c');
  assert.match(await response.text(), /event: done/);
  assert.equal(sentTo(simulator).length, 3);
});

test('POST /api/chat keeps what its page says: what is known stays, an edit is a branch', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(simulator.url);
  const said = (role: string, text: string) => ({
    id: `${role}-${text}`,
    role,
    parts: [{ type: 'text', text }],
  });
  const send = async (...messages: object[]): Promise<string> => {
    const response = await post(`${relay.url}/api/chat`, { id: 'c', messages, trigger: 'submit-message' });
    assert.match(await response.text(), /"finish"/);
    return response.headers.get('x-stream-id') ?? '';
  };
  const first = await send(said('user', 'echo one'));
  const second = await send(said('user', 'echo one'), said('assistant', 'one'), said('user', 'echo two'));
  const edited = await send(said('user', 'echo one'), said('assistant', 'one'), said('user', 'echo three'));
  const { turns, head, title } = await read(relay.url, 'c');
  assert.deepEqual(
    turns.map(({ parent }) => turns.findIndex(({ id }) => id === parent)),
    [-1, 0, 1, 2, 1, 4],
  );
  assert.deepEqual([turns[1]?.id, turns[3]?.id, turns[5]?.id], [first, second, edited]);
  assert.deepEqual(turns[5]?.content, [{ type: 'text', text: 'three' }]);
  assert.deepEqual([head, title], [edited, 'echo one']);
});

test('each owner has conversations of their own', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using at = await startTestRelay(simulator.url);
  const { relay } = at;
  await say(at.url, ask('echo x', { conversation: 'c' }));
  const asOther = (method: string, path: string) =>
    relay.handle({
      method,
      path,
      query: '',
      httpVersion: '1.1',
      headers: new Map([['host', 'x']]),
      readBody: async () => new Uint8Array(),
      signal: new AbortController().signal,
      owner: 'other',
    });
  assert.equal((await asOther('GET', '/conversations/c')).status, 404);
  assert.equal((await asOther('DELETE', '/conversations/c')).status, 404);
  assert.deepEqual((await asOther('GET', '/conversations')).body, '{"conversations":[],"next":null}');
  assert.equal((await read(at.url, 'c')).turns.length, 2);
});

test('an answer that ended while no relay ran is taken over at the next start, and one whose log is gone is lost', async () => {
  const log = new MemoryStreamLog();
  const conversations = new MemoryConversations();
  const turn = { parent: null, role: 'assistant', content: [], createdAt: 1, isOpen: true } as const;
  await conversations.put('local', 'c', {
    turns: [
      { ...turn, id: 's' },
      { ...turn, id: 'gone' },
    ],
    head: 's',
    title: 't',
    now: 1,
  });
  await log.create({ id: 's', open: { type: 'open', owner: 'local', request: '{}', createdAt: 0 } });
  const acquired = await log.acquire('s', 'dead', 60_000);
  assert.ok(acquired.type === 'acquired');
  const records = [messageStart, ...textEvents(0, 'Hel', 'lo')].map((event) => ({
    type: 'event' as const,
    event: event.type,
    data: JSON.stringify(event),
  }));
  await log.append('s', { after: acquired.tail, records });
  await log.release('s', 'dead');
  await using relay = await startTestRelay('http://127.0.0.1:9', { log, conversations });
  while ((await conversations.open()).length > 0) await new Promise(setImmediate);
  const { turns } = await read(relay.url, 'c');
  assert.deepEqual(
    turns.map(({ content, answer }) => [content, answer?.['ending'], answer?.['code']]),
    [
      [[{ type: 'text', text: 'Hello' }], 'failed', 'interrupted'],
      [[], 'lost', undefined],
    ],
  );
});

test('a conversation in a file is there after a restart, when the logs of its answers are gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-conversations-'));
  try {
    await using simulator = await startSimulator({ speed: 0 });
    const run = async (work: (url: string) => Promise<void>, keepMs: number): Promise<void> => {
      const log = SqliteStreamLog.open(join(folder, 'relay.db'), { keepMs });
      await using relay = await startTestRelay(simulator.url, { log, conversations: log.conversations });
      await work(relay.url);
    };
    let stream = '';
    await run(async (url) => {
      ({ stream } = await say(url, ask('echo kept', { conversation: 'c' })));
    }, 60_000);
    await run(async (url) => {
      assert.equal((await fetch(`${url}/streams/${stream}`)).status, 404);
      await say(url, ask('echo more', { conversation: 'c' }));
      assert.deepEqual(
        sentTo(simulator).map(({ content }) => content),
        ['echo kept', [{ type: 'text', text: 'kept' }], 'echo more'],
      );
    }, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
