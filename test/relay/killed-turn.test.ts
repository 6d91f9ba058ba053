// A relay that is killed between the log of an answer and the conversation that it is part of.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { logStart } from 'millrace/storage';
import type { StoredConversation } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { askRelay, params } from '../support/ask-relay.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawServer } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';
import { startMortal } from '../support/start-mortal.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-killed-turn-'));
after(() => rmSync(folder, { recursive: true }));

const answer = sse(messageStart, ...textEvents(0, 'Whole.'), ...messageEnd);

const startUpstream = (): Promise<RawServer> =>
  startRawServer(() => ({ bytes: streamResponse(answer) + cleanEnd, then: 'hold' }));

function startRelay(upstream: RawServer, file: string): Promise<TestRelay> {
  const log = SqliteStreamLog.open(file);
  return startTestRelay(upstream.url, {
    log,
    conversations: log.conversations,
    upstream: { apiKey: 'sk-own' },
  });
}

/** Asks a relay that is killed when it would add the turns to the conversation. */
async function askMortal(
  [upstream, file]: readonly [RawServer, string],
  path: string,
  asking: object,
): Promise<void> {
  await using mortal = await startMortal(file, upstream.url, { when: 'before', of: 'put' });
  await assert.rejects(askRelay(mortal, path, asking), TypeError);
  assert.deepEqual(await mortal.ended, [null, 'SIGKILL']);
}

/** Reads what there is of the answer to its end. */
async function readChat({ url }: TestRelay, conversation: string): Promise<string> {
  return (await fetch(`${url}/api/chat/${conversation}/stream`)).text();
}

async function read({ url }: TestRelay, conversation: string): Promise<StoredConversation> {
  return (await (await fetch(`${url}/conversations/${conversation}`)).json()) as StoredConversation;
}

const said = ({ turns }: StoredConversation): unknown[] =>
  turns.map(({ role, content }) => [
    role,
    typeof content === 'string'
      ? content
      : content.map((block) => block['text' as keyof typeof block]).join(),
  ]);

test('a question whose relay is killed before its conversation has it is in the conversation, with its answer, once', async () => {
  const file = join(folder, 'streams.db');
  await using upstream = await startUpstream();
  const headers = { 'idempotency-key': 'k' };
  const body = { messages: [{ role: 'user', content: 'y' }], conversation: 'c' };
  {
    await using relay = await startRelay(upstream, file);
    await (await askRelay(relay, '/streams', { body: { conversation: 'c' } })).text();
  }
  await askMortal([upstream, file], '/streams', { headers, body });
  await using relay = await startRelay(upstream, file);
  const again = await askRelay(relay, '/streams', { headers, body });
  assert.equal(again.status, 200);
  assert.match(await again.text(), /message_stop/);
  const conversation = await read(relay, 'c');
  assert.deepEqual(said(conversation), [
    ['user', 'x'],
    ['assistant', 'Whole.'],
    ['user', 'y'],
    ['assistant', 'Whole.'],
  ]);
  assert.equal(conversation.head, again.headers.get('x-stream-id'));
  assert.deepEqual(
    conversation.turns.map(({ parent }) => parent),
    [null, ...conversation.turns.slice(0, 3).map(({ id }) => id)],
  );
  assert.equal(upstream.requests.length, 2, 'no call that need not be');
  assert.deepEqual(relay.errors, []);
});

test('another answer to the same question, and a message of useChat, are in the conversation after such a kill', async () => {
  const file = join(folder, 'chat.db');
  await using upstream = await startUpstream();
  const message = (text: string, role = 'user'): object => ({ role, parts: [{ type: 'text', text }] });
  const chat = { id: 'c', messages: [message('x')] };
  await askMortal([upstream, file], '/api/chat', { body: chat });
  {
    await using relay = await startRelay(upstream, file);
    assert.match(await readChat(relay, 'c'), /Whole/);
    const conversation = await read(relay, 'c');
    assert.equal(conversation.title, 'x');
    assert.deepEqual(said(conversation), [
      ['user', 'x'],
      ['assistant', 'Whole.'],
    ]);
  }
  const more = { ...chat, messages: [...chat.messages, message('Whole.', 'assistant'), message('y')] };
  await askMortal([upstream, file], '/api/chat', { body: more });
  let question = '';
  {
    await using relay = await startRelay(upstream, file);
    assert.match(await readChat(relay, 'c'), /Whole/);
    const conversation = await read(relay, 'c');
    const last = conversation.turns.at(-1);
    question = conversation.turns.at(-2)?.id ?? '';
    assert.equal(conversation.turns.length, 4);
    assert.equal(last?.parent, question);
    assert.equal(conversation.head, last.id);
  }
  await askMortal([upstream, file], '/streams', {
    body: { messages: [], conversation: 'c', parent: question },
  });
  await using relay = await startRelay(upstream, file);
  assert.match(await readChat(relay, 'c'), /Whole/);
  const { turns, head } = await read(relay, 'c');
  const answers = turns.filter(({ parent }) => parent === question);
  assert.deepEqual([answers.length, answers.at(-1)?.id], [2, head]);
  assert.deepEqual(relay.errors, []);
});

test('a message of useChat behind a question that had no answer is not in the conversation twice after such a kill', async () => {
  const file = join(folder, 'unanswered.db');
  const silent = [streamResponse(sse(messageStart))];
  await using upstream = await startRawServer(() => ({
    bytes: silent.shift() ?? streamResponse(answer) + cleanEnd,
    then: 'hold',
  }));
  const part = (text: string): object => ({ role: 'user', parts: [{ type: 'text', text }] });
  {
    await using relay = await startRelay(upstream, file);
    const body = { id: 'c', messages: [part('x')] };
    const chat = await askRelay(relay, '/api/chat', { body });
    await chat.body?.cancel();
    await fetch(`${relay.url}/api/chat/c/stop`, { method: 'POST' });
  }
  await askMortal([upstream, file], '/api/chat', { body: { id: 'c', messages: [part('x'), part('y')] } });
  await using relay = await startRelay(upstream, file);
  assert.match(await readChat(relay, 'c'), /Whole/);
  const { turns } = await read(relay, 'c');
  assert.deepEqual(
    turns.map(({ parent }) => turns.findIndex(({ id }) => id === parent)),
    [-1, 0, 1, 2],
  );
  assert.deepEqual(
    turns.map(({ content }) => (content as readonly { text?: string }[])[0]?.text),
    ['x', undefined, 'y', 'Whole.'],
  );
});

test('an answer whose relay is killed before its conversation has it is no more where that is gone', async () => {
  const file = join(folder, 'gone.db');
  await using upstream = await startUpstream();
  {
    await using relay = await startRelay(upstream, file);
    await (await askRelay(relay, '/streams', { body: { conversation: 'c' } })).text();
  }
  await askMortal([upstream, file], '/streams', { body: { ...params, conversation: 'c' } });
  {
    await using log = SqliteStreamLog.open(file);
    await log.conversations.delete('local', 'c');
    assert.equal((await log.abandoned()).length, 1);
  }
  await using relay = await startRelay(upstream, file);
  assert.deepEqual(await relay.log.abandoned(), []);
  assert.equal((await fetch(`${relay.url}/conversations/c`)).status, 404);
  const newest = await relay.log.newest('local', 'c');
  const result = await relay.log.read(newest ?? '', logStart, { maxEntries: 9, maxBytes: 9000 });
  assert.match(JSON.stringify(result), /"complete"/, 'the answer before');
  assert.equal(upstream.requests.length, 1);
});
