import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConversationError,
  Millrace,
  conversation,
  loadConversation,
  runTools,
  streamObject,
  tool,
} from 'millrace/client';
import type { StreamEvent } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import { cleanEnd, streamResponse } from '../../support/raw-server.ts';
import type { RawAnswer } from '../../support/raw-server.ts';
import { blockEvents, messageStart, sse, textEvents } from '../../support/streams.ts';
import { turnsUntil } from '../../support/turns.ts';
import { answer, blocksIn, call, collect, errorOf, startScripted } from '../tools/scripted-server.ts';

const params = { model: 'claude-sonnet-5', max_tokens: 1000 };

const said = (text: string) => answer('end_turn', textEvents(0, text));

/** An answer of which these events come, and then the connection ends. */
const cutOff = (...events: readonly StreamEvent[]): RawAnswer => ({
  bytes: streamResponse(sse(messageStart, ...events)) + cleanEnd,
  then: 'fin',
});

function typesIn({ role, content }: { role: string; content: unknown }): string {
  const blocks = content as readonly { type: string }[];
  return `${role}: ${typeof content === 'string' ? 'words' : blocks.map(({ type }) => type).join(' ')}`;
}

const count = tool({ name: 'count', run: () => 7 });

test('conversation sends the system prompt and all that was said before', async () => {
  await using server = await startScripted([said('One'), said('Two')]);
  const chat = conversation(server.client, { ...params, system: 'Be brief.' });
  assert.equal(await chat.send('First?').finalText(), 'One');
  assert.equal(await chat.send([{ type: 'text', text: 'Second?' }]).finalText(), 'Two');
  const { system, messages, model } = server.bodies[1]!;
  assert.deepEqual({ system, model }, { system: 'Be brief.', model: 'claude-sonnet-5' });
  assert.deepEqual(messages, [
    { role: 'user', content: 'First?' },
    { role: 'assistant', content: [{ type: 'text', text: 'One' }] },
    { role: 'user', content: [{ type: 'text', text: 'Second?' }] },
  ]);
  assert.equal(chat.messages.length, 4);
  assert.equal(chat.turns[1]!.answer?.ending, 'complete');
  assert.equal(chat.usage?.output_tokens, 10);
});

test('conversation keeps thinking with its signature byte for byte, through JSON as well', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const chat = conversation(client, params);
  const first = await chat.send('think about it').finalMessage();
  const saved = JSON.stringify(chat);
  await chat.send('And then?').done();
  const loaded = loadConversation(client, JSON.parse(saved), { max_tokens: 500 });
  await loaded.send('And then?').done();
  const [, sent, again] = simulator.requests.map(
    ({ body }) => body as { messages: readonly { content: unknown }[]; max_tokens: number },
  );
  assert.equal(first.content[0]!.type, 'thinking');
  assert.deepEqual(sent!.messages[1]?.content, JSON.parse(JSON.stringify(first.content)));
  assert.deepEqual(again!.messages, sent!.messages);
  assert.equal(again!.max_tokens, 500);
  assert.deepEqual(loaded.turns[1]!.answer, JSON.parse(saved).turns[1].answer);
  assert.ok(loaded.usage!.output_tokens > chat.turns[1]!.answer!.usage!.output_tokens);
});

for (const { what, events, kept } of [
  {
    what: 'text that was open',
    events: textEvents(0, 'Half a sen').slice(0, 2),
    kept: [{ type: 'text', text: 'Half a sen' }],
  },
  {
    what: 'nothing of thinking without its signature',
    events: blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: 'hm' },
    ]).slice(0, 2),
    kept: undefined,
  },
  {
    what: 'nothing of thinking at the end, though it is signed',
    events: [
      ...textEvents(0, 'So'),
      ...blockEvents(1, { type: 'thinking', thinking: '', signature: '' }, [
        { type: 'thinking_delta', thinking: 'hm' },
        { type: 'signature_delta', signature: 'sig' },
      ]),
    ],
    kept: [{ type: 'text', text: 'So' }],
  },
  {
    what: 'thinking in front of text',
    events: [
      ...blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
        { type: 'thinking_delta', thinking: 'hm' },
        { type: 'signature_delta', signature: 'sig' },
      ]),
      ...textEvents(1, 'So'),
    ],
    kept: [
      { type: 'thinking', thinking: 'hm', signature: 'sig' },
      { type: 'text', text: 'So' },
    ],
  },
  {
    what: 'no call whose input was open, and no blank text',
    events: [...textEvents(0, ' \n'), ...textEvents(1, 'Look'), ...call(2, 'count', '{"a":').slice(0, 2)],
    kept: [{ type: 'text', text: 'Look' }],
  },
  {
    what: 'no call of the server without its result',
    events: [
      ...textEvents(0, 'Look'),
      ...blockEvents(1, { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} }, []),
    ],
    kept: [{ type: 'text', text: 'Look' }],
  },
]) {
  test(`conversation keeps of an answer that broke off ${what}`, async () => {
    await using server = await startScripted([cutOff(...events), said('Fine')]);
    const chat = conversation(server.client, params);
    assert.equal((await errorOf(chat.send('First?').done())).code, 'truncated');
    const last = chat.turns.at(-1)!;
    assert.equal(last.answer?.ending, 'truncated');
    await chat.send('Second?').done();
    assert.deepEqual(server.bodies[1]!.messages, [
      { role: 'user', content: 'First?' },
      ...(kept === undefined ? [] : [{ role: 'assistant', content: kept }]),
      { role: 'user', content: 'Second?' },
    ]);
  });
}

test('conversation drops thinking at the end of a whole answer: the API would not take it', async () => {
  const thought = blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: 'hm' },
    { type: 'signature_delta', signature: 'sig' },
  ]);
  await using server = await startScripted([answer('end_turn', thought), said('Fine')]);
  const chat = conversation(server.client, params);
  await chat.send('First?').done();
  await chat.send('Second?').done();
  assert.deepEqual(server.bodies[1]!.messages.map(typesIn), ['user: words', 'user: words']);
  assert.equal(chat.turns[0]!.answer?.ending, 'complete');
});

test('conversation answers a call that nobody ran, with an error in front of the next question', async () => {
  await using server = await startScripted([
    answer('tool_use', textEvents(0, 'Look'), call(1, 'count', '{}'), call(2, 'count', '{}')),
    said('Fine'),
  ]);
  const chat = conversation(server.client, { ...params, tools: [count.definition] });
  await chat.send('First?').done();
  await chat
    .send([
      { type: 'text', text: 'Here is one.' },
      { type: 'tool_result', tool_use_id: 'toolu_2', content: '7' },
    ])
    .done();
  assert.deepEqual(server.bodies[1]!.messages.at(-1)!.content, [
    {
      type: 'tool_result',
      tool_use_id: 'toolu_1',
      content: 'The tool was not run: the answer was interrupted',
      is_error: true,
    },
    { type: 'tool_result', tool_use_id: 'toolu_2', content: '7' },
    { type: 'text', text: 'Here is one.' },
  ]);
});

test('conversation takes another question right after an abort, and a loop that was left', async () => {
  const held: RawAnswer = {
    bytes: streamResponse(sse(messageStart, ...textEvents(0, 'Half').slice(0, 2))),
    then: 'hold',
  };
  await using server = await startScripted([held, held, said('Fine')]);
  const chat = conversation(server.client, params);
  for await (const text of chat.send('First?').textStream) {
    assert.equal(text, 'Half');
    break;
  }
  const second = chat.send('Second?');
  await new Promise<void>((resolve) => {
    second.once('text', () => resolve());
  });
  second.abort();
  assert.equal(await chat.send('Third?').finalText(), 'Fine');
  assert.deepEqual(
    chat.turns.map(({ role, answer }) => answer?.ending ?? role),
    ['user', 'aborted', 'user', 'aborted', 'user', 'complete'],
  );
});

test('conversation has one answer at a time', async () => {
  await using server = await startScripted([
    { bytes: streamResponse(sse(messageStart)), then: 'hold' },
    said('Fine'),
  ]);
  const chat = conversation(server.client, params);
  const stream = chat.send('First?');
  await turnsUntil(() => server.bodies.length > 0);
  assert.throws(
    () => chat.send('Second?'),
    (error) => error instanceof ConversationError && error.code === 'answer_under_way',
  );
  assert.throws(() => chat.undo(), /an answer is under way/);
  assert.deepEqual(chat.turns, [{ role: 'user', content: 'First?' }]);
  stream.abort();
  await chat.settled();
  assert.equal(await chat.send('Second?').finalText(), 'Fine');
});

test('conversation does not send a refused turn again, and still has it', async () => {
  await using server = await startScripted([
    said('One'),
    answer('refusal', textEvents(0, 'I')),
    said('Three'),
  ]);
  const chat = conversation(server.client, params);
  await chat.send('First?').done();
  await chat.send('Second?').done();
  await chat.send('Third?').done();
  assert.deepEqual(
    server.bodies[2]!.messages.map((_, index) => blocksIn(server.bodies[2], index)[0]?.text),
    ['First?', 'One', 'Third?'],
  );
  assert.deepEqual(
    chat.turns.map(({ leftOut }) => leftOut),
    [undefined, undefined, 'refusal', 'refusal', undefined, undefined],
  );
});

test('conversation does not send again what the API rejects, and is not stuck on it', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const chat = conversation(client, params);
  const bad = [{ type: 'no_such_block' }] as never;
  assert.equal((await errorOf(chat.send(bad).done())).status, 400);
  assert.deepEqual(chat.messages, []);
  assert.equal(chat.turns[0]!.leftOut, 'rejected');
  assert.equal(chat.turns[0]!.answer?.code, 'invalid_request_error');
  assert.match(await chat.send('echo fine').finalText(), /fine/);
});

test('conversation keeps a question that got no answer, and asks it again when told', async () => {
  await using server = await startScripted([
    { bytes: 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n', then: 'fin' },
    said('Fine'),
  ]);
  const chat = conversation(server.client, params);
  await errorOf(chat.send('First?').done());
  assert.deepEqual(chat.messages, [{ role: 'user', content: 'First?' }]);
  assert.equal(await chat.retry().finalText(), 'Fine');
  assert.deepEqual(
    chat.turns.map(({ role }) => role),
    ['user', 'assistant'],
  );
  assert.equal(chat.undo(), 'First?');
  assert.deepEqual(chat.turns, []);
  assert.throws(() => chat.retry(), TypeError);
});

test('conversation forks: neither knows of the other', async () => {
  await using server = await startScripted([said('One'), said('Two'), said('Three')]);
  const chat = conversation(server.client, params);
  await chat.send('First?').done();
  const fork = chat.fork(undefined, { model: 'claude-opus-5' });
  const begun = chat.fork(0);
  await chat.send('Second?').done();
  await fork.send('Another?').done();
  assert.equal(chat.turns[2]!.content, 'Second?');
  assert.equal(fork.turns[2]!.content, 'Another?');
  assert.deepEqual(begun.turns, []);
  assert.equal(server.bodies[2]!['model'], 'claude-opus-5');
  assert.equal(server.bodies[2]!.messages.length, 3);
  assert.equal(fork.usage?.output_tokens, 5);
  assert.throws(() => chat.fork(5), /Cannot fork after 5 turns: there are 4/);
});

test('conversation forks while an answer is under way: its question goes along where it is asked for', async () => {
  await using server = await startScripted([said('One'), said('Two'), said('Three')]);
  const chat = conversation(server.client, params);
  await chat.send('First?').done();
  const asking = chat.send('Second?');
  const without = chat.fork();
  const withQuestion = chat.fork(chat.turns.length);
  assert.equal(without.turns.length, 2);
  assert.equal(withQuestion.turns[2]!.content, 'Second?');
  await asking.done();
  assert.equal(await withQuestion.retry().finalText(), 'Three');
  assert.equal(withQuestion.turns.length, 4);
});

test('conversation takes the whole of a run of tools into its history', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const chat = conversation(client, params);
  const run = chat.sendWith('think, then use a tool', (request) =>
    runTools(client, { ...request, tools: [count] }),
  );
  await run.done();
  assert.deepEqual(chat.messages.map(typesIn), [
    'user: words',
    'assistant: thinking text tool_use',
    'user: tool_result',
    'assistant: text',
  ]);
  assert.equal(chat.usage?.output_tokens, run.usage?.output_tokens);
  await chat.send('echo thanks', {}).done();
  assert.equal(chat.undo(), 'echo thanks');
  assert.equal(chat.undo(), 'think, then use a tool');
});

test('conversation goes on after a run of tools that was aborted in a tool, or broke off', async () => {
  const called = answer('tool_use', call(0, 'wait', '{}'));
  await using server = await startScripted([
    called,
    cutOff(...textEvents(0, 'Hm'), ...call(1, 'wait', '{}')),
    said('Fine'),
  ]);
  const wait = tool({ name: 'wait', run: () => new Promise<string>(() => undefined) });
  const chat = conversation(server.client, params);
  const ask = (text: string) =>
    chat.sendWith(text, (request) => runTools(server.client, { ...request, tools: [wait] }));
  const run = ask('First?');
  for await (const event of run) if (event.type === 'tool_start') break;
  await chat.settled();
  assert.equal((await errorOf(ask('Second?').done())).code, 'truncated');
  await chat.send('Third?').done();
  assert.deepEqual(server.bodies[2]!.messages.map(typesIn), [
    'user: words',
    'assistant: tool_use',
    'user: tool_result',
    'user: words',
    'assistant: text tool_use',
    'user: tool_result text',
  ]);
});

test('conversation has a history that the API takes, wherever an answer was cut', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const question = 'think, then look up both in parallel';
  const request = { ...params, messages: [{ role: 'user' as const, content: question }] };
  const whole = (await collect(client.messages.stream(request))) as StreamEvent[];
  const types = whole.flatMap((event) =>
    event.type === 'content_block_start' ? event.content_block.type : [],
  );
  assert.deepEqual(types, ['thinking', 'text', 'tool_use', 'tool_use']);
  const answers = whole.slice(1).map((_, index) => ({
    bytes: streamResponse(sse(...whole.slice(0, index + 1))) + cleanEnd,
    then: 'fin' as const,
  }));
  await using server = await startScripted(answers);
  for (let index = 0; index < answers.length; index += 1) {
    const chat = conversation(client, params);
    const run = chat.sendWith(question, (request) => runTools(server.client, { ...request, tools: [count] }));
    assert.equal((await errorOf(run.done())).code, 'truncated');
    await chat.send('And now?').done();
  }
});

test('conversation takes the answer of streamObject', async () => {
  await using server = await startScripted([said('{"n":1}'), said('Fine')]);
  const chat = conversation(server.client, params);
  const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } as const;
  const object = chat.sendWith('How many?', (request) => streamObject(server.client, { ...request, schema }));
  assert.deepEqual(await object.finalObject(), { n: 1 });
  assert.equal(chat.messages.length, 2);
});

test('conversation is saved and loaded while an answer is under way, with its question', async () => {
  await using server = await startScripted([
    { bytes: streamResponse(sse(messageStart)), then: 'hold' },
    said('Fine'),
  ]);
  const chat = conversation(server.client, params);
  await using stream = chat.send('First?');
  await turnsUntil(() => server.bodies.length > 0);
  const loaded = loadConversation(server.client, JSON.parse(JSON.stringify(chat)));
  assert.equal(stream.ending, undefined);
  assert.equal(await loaded.retry().finalText(), 'Fine');
});

for (const { json, message } of [
  { json: null, message: 'expected object, got null' },
  {
    json: { version: 2 },
    message: 'it was saved by a later version of this library (2); this one reads version 1',
  },
  { json: { version: 1, turns: [] }, message: 'params: required, and missing' },
  {
    json: { version: 1, params, turns: [{ role: 'system', content: '' }] },
    message: 'turns[0].role: expected one of ["user","assistant"]',
  },
  {
    json: { version: 1, params, turns: [{ role: 'user', content: [{ text: 'x' }] }] },
    message: 'turns[0].content[0].type: required, and missing',
  },
]) {
  test(`loadConversation() refuses ${JSON.stringify(json)} and says why`, () => {
    assert.throws(
      () => loadConversation(new Millrace({ apiKey: 'k' }), json),
      (error) =>
        error instanceof ConversationError &&
        error.code === 'invalid_conversation' &&
        error.message === `Cannot load the conversation: ${message}`,
    );
  });
}

test('conversation refuses a message with nothing in it', () => {
  const chat = conversation(new Millrace({ apiKey: 'k' }), params);
  for (const nothing of ['', ' \n', []]) assert.throws(() => chat.send(nothing), /nothing in it/);
});
