import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from 'millrace/protocol';
import type { StreamEvent } from 'millrace/protocol';
import { Answer } from '../../src/web/chat/answer.ts';
import type { AnswerRecord } from '../../src/web/chat/answer.ts';
import { toAskRequest } from '../../src/web/chat/ask-request.ts';
import { createChatStore } from '../../src/web/chat/chat-store.ts';
import { toTurnRecords } from '../../src/web/chat/kept-conversation.ts';
import type { KeptConversation } from '../../src/web/chat/kept-conversation.ts';
import { toProblem } from '../../src/web/chat/problem.ts';
import { toMessages } from '../../src/web/chat/to-messages.ts';
import type { Turn } from '../../src/web/chat/turn.ts';
import { FollowError } from '../../src/web/errors.ts';
import { FakeFrames } from './fake-frames.ts';
import { answerOf, events } from './stub-relay.ts';

const ended = { type: 'ended' } as const;

function createAnswer(record?: AnswerRecord) {
  const frames = new FakeFrames();
  const clock = { frames, now: () => 1_700_000_000_000 };
  const answer = record === undefined ? new Answer('k', clock) : Answer.restore(record, clock);
  const take = (...taken: StreamEvent[]): void => {
    for (const event of taken) answer.take(event);
  };
  return { answer, frames, take };
}

function settled(...taken: StreamEvent[]): Answer {
  const { answer, take } = createAnswer();
  take(...taken);
  answer.settle(ended);
  return answer;
}

const question = (text: string): Turn => ({ type: 'question', key: text, text });

const record = (value: object): StreamEvent =>
  ({ type: 'millrace', record: value }) as unknown as StreamEvent;

test('Answer is submitted until the message begins, and complete at its end', () => {
  const { answer, take } = createAnswer();
  take(record({ type: 'open' }), record({ type: 'attempt', number: 1 }));
  assert.equal(answer.state.value.type, 'submitted');
  take(events.start);
  assert.equal(answer.state.value.type, 'streaming');
  take(events.textBlock(), events.text('one'), events.stopBlock(), ...events.end());
  answer.settle(ended);
  assert.deepEqual(answer.state.value, { type: 'complete' });
  assert.equal(answer.text, 'one');
});

test('Answer changes its blocks once a frame, and when it ends at once', () => {
  const { answer, frames, take } = createAnswer();
  take(events.start, events.textBlock(), events.text('a'), events.text('b'));
  assert.equal(answer.blocks.value.length, 0);
  frames.run(1);
  const [view] = answer.blocks.value;
  assert.deepEqual([view?.revision.value, view?.isOpen.value], [1, true]);
  take(events.text('c'), events.text('d'), events.stopBlock(), events.textBlock(1), events.text('e', 1));
  assert.equal(view?.revision.value, 1);
  answer.settle(ended);
  assert.equal(view?.revision.value, 2);
  assert.deepEqual(
    answer.blocks.value.map(({ isOpen }) => isOpen.value),
    [false, false],
  );
  assert.equal(answer.blocks.value[0], view, 'a block keeps its view');
  assert.equal(frames.isWaiting, false);
});

test('Answer tells stopped, failed and truncated apart, and keeps what had arrived', () => {
  const part = [events.start, events.textBlock(), events.text('part')];
  const stopped = settled(...part, events.stopped);
  assert.deepEqual([stopped.state.value, stopped.text], [{ type: 'stopped' }, 'part']);
  const overloaded = settled(...part, {
    type: 'error',
    error: { type: 'overloaded_error', message: 'busy' },
  });
  assert.deepEqual(overloaded.state.value, {
    type: 'failed',
    problem: { code: 'overloaded_error', message: 'busy', requestId: undefined, retryAtMs: undefined },
  });
  const cut = settled(...part);
  assert.ok(cut.state.value.type === 'failed' && cut.state.value.problem.code === 'truncated');
  assert.equal(cut.text, 'part');
});

test('Answer measures the first token from the question, and the rate from the first delta to the last', () => {
  const { answer, frames, take } = createAnswer();
  frames.nowMs += 400;
  take(events.start, events.textBlock(), events.text(''));
  frames.nowMs += 100;
  take(events.text('first'));
  frames.nowMs += 1000;
  take(events.text('middle'));
  frames.nowMs += 1000;
  take(events.text('last'));
  frames.nowMs += 5000;
  take(events.stopBlock(), ...events.end('end_turn', 41));
  answer.settle(ended);
  assert.deepEqual(answer.figures, { firstTokenMs: 500, tokensPerSecond: 20 });
});

test('Answer has no figures for what it reads again', () => {
  const { answer, take } = createAnswer();
  take(events.start, events.textBlock(), events.text('half'));
  answer.restart();
  assert.deepEqual([answer.blocks.value.length, answer.text], [0, '']);
  take(...answerOf('whole'));
  answer.settle(ended);
  assert.deepEqual([answer.figures, answer.text], [{}, 'whole']);
});

test('Answer drops the blocks that the relay withdraws, and takes what comes in their place', () => {
  const { answer, take } = createAnswer();
  take(events.start, events.textBlock(), events.text('kept'), events.stopBlock());
  take(events.toolBlock('get_weather', 1), events.input('{"ci', 1));
  take(record({ type: 'rewind', fromIndex: 1 }));
  assert.deepEqual(
    answer.message?.content.map(({ type }) => type),
    ['text'],
  );
  take(
    events.toolBlock('get_time', 1),
    events.input('{}', 1),
    events.stopBlock(1),
    ...events.end('tool_use'),
  );
  answer.settle(ended);
  assert.equal(answer.state.value.type, 'complete');
  assert.deepEqual(
    answer.blocks.value.map(({ block }) => ('name' in block ? block.name : block.type)),
    ['text', 'get_time'],
  );
  assert.equal(answer.text, 'kept');
});

test('Answer goes on with an open text behind a withdrawal, and keeps the views of what stays', () => {
  const { answer, frames, take } = createAnswer();
  take(events.start, events.textBlock(), events.text('The wheel '));
  take(events.toolBlock('get_weather', 1), events.input('{"ci', 1));
  frames.run(1);
  const [view, tool] = answer.blocks.value;
  assert.ok(view !== undefined && tool !== undefined);
  take(record({ type: 'rewind', fromIndex: 1 }), events.text('turns.'), events.stopBlock(), ...events.end());
  answer.settle(ended);
  assert.equal(answer.text, 'The wheel turns.');
  assert.deepEqual(answer.blocks.value, [view]);
  assert.equal(answer.state.value.type, 'complete');
});

test('Answer comes back from its record as it was', () => {
  const { answer, frames, take } = createAnswer();
  take(events.start, events.thinkingBlock());
  frames.nowMs += 3000;
  take(events.thinking('hm'), events.stopBlock(), events.textBlock(1), events.text('so', 1), ...events.end());
  answer.settle(ended);
  answer.streamId = 's1';
  const again = createAnswer(JSON.parse(JSON.stringify(answer.toRecord())) as AnswerRecord).answer;
  assert.deepEqual(again.toRecord(), JSON.parse(JSON.stringify(answer.toRecord())));
  assert.equal(again.text, 'so');
  assert.equal(again.blocks.value[0]?.durationMs, 3000);
  assert.equal(again.streamId, 's1');
});

test('toMessages sends texts back and nothing else, with alternating roles', () => {
  const tool = settled(events.start, events.toolBlock('x'), events.stopBlock(), ...events.end('tool_use'));
  const thinking = [events.start, events.thinkingBlock(), events.thinking('hm'), events.stopBlock()];
  const said = [events.textBlock(1), events.text('said', 1), events.stopBlock(1), ...events.end()];
  const thought = settled(...thinking, ...said);
  const blank = settled(...answerOf(' \n'));
  const turns = [
    question('a'),
    thought,
    question('b'),
    tool,
    question('c'),
    blank,
    question('d'),
    createAnswer().answer,
  ];
  const messages = toMessages(turns).map(({ role, content }) => [role, content.map(({ text }) => text)]);
  assert.deepEqual(messages, [
    ['user', ['a']],
    ['assistant', ['said']],
    ['user', ['b', 'c', 'd']],
  ]);
});

test('toMessages leaves a refused exchange out as a whole', () => {
  const refused = settled(events.start, events.textBlock(), events.text('I'), ...events.end('refusal'));
  const turns = [question('a'), settled(...answerOf('fine')), question('bad'), refused, question('c')];
  assert.deepEqual(
    toMessages(turns).map(({ content }) => content[0]?.text),
    ['a', 'fine', 'c'],
  );
});

/** Storage with room for so many characters. */
function createStorage(room = Infinity) {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (name: string) => items.get(name) ?? null,
    removeItem: (name: string) => void items.delete(name),
    setItem: (name: string, text: string) => {
      if (text.length > room) throw new DOMException('full', 'QuotaExceededError');
      items.set(name, text);
    },
  };
}

const nobodys = { conversation: 'c', owner: undefined };

test('createChatStore gives back what was saved', () => {
  const storage = createStorage();
  const store = createChatStore(storage);
  assert.deepEqual(store.load(), { turns: [] });
  const answer = settled(...answerOf('answer'));
  store.save([question('a'), answer], { conversation: 'c', owner: 'ann' });
  const {
    turns: [asked, answered],
    ...names
  } = store.load();
  assert.deepEqual(names, { conversation: 'c', owner: 'ann' });
  assert.deepEqual(asked, question('a'));
  assert.deepEqual(answered, JSON.parse(JSON.stringify({ type: 'answer', ...answer.toRecord() })));
  createChatStore(undefined).save([question('a')], nobodys);
  assert.deepEqual(createChatStore(undefined).load(), { turns: [] });
  store.save([], nobodys);
  assert.deepEqual(store.load(), { turns: [], conversation: 'c' });
});

test('createChatStore keeps the last turns there is room for, beginning with a question', () => {
  const turns = Array.from({ length: 40 }, (_, index) => [
    question(`question ${index} ${'x'.repeat(50_000)}`),
    settled(...answerOf(`answer ${index}`)),
  ]).flat();
  const storage = createStorage(600_000);
  createChatStore(storage).save(turns, nobodys);
  const { turns: kept } = createChatStore(storage).load();
  assert.ok(kept.length >= 8 && kept.length < turns.length, `${kept.length} turns`);
  assert.equal(kept[0]?.type, 'question');
  const last = kept.at(-1);
  assert.ok(last?.type === 'answer' && JSON.stringify(last).includes('answer 39'));
  const full = createStorage(10);
  full.items.set('millrace.chat', 'old');
  createChatStore(full).save([question('a')], nobodys);
  assert.equal(full.items.size, 0, 'what is not true any more is not kept');
});

test('createChatStore does not read what it did not write', () => {
  for (const text of ['', '{', 'null', '[]', '{"version":0,"turns":[]}', '{"version":1}']) {
    const storage = createStorage();
    storage.items.set('millrace.chat', text);
    assert.deepEqual(createChatStore(storage).load(), { turns: [] }, text);
  }
});

/** A branch with everything in it, and another one. */
const kept: KeptConversation = {
  id: 'c',
  title: 'T',
  head: 'a3',
  turns: [
    { id: 'q1', parent: null, role: 'user', content: 'One' },
    {
      id: 'a1',
      parent: 'q1',
      role: 'assistant',
      content: [{ type: 'text', text: 'First', citations: null }],
      state: 'ended',
      answer: {
        ending: 'complete',
        stop_reason: 'end_turn',
        model: 'm',
        usage: { input_tokens: 1, output_tokens: 2 },
      },
    },
    { id: 'q2', parent: 'a1', role: 'user', content: [{ type: 'text', text: 'Two', citations: null }] },
    { id: 'other', parent: 'q2', role: 'assistant', content: 'Other branch' },
    {
      id: 'a2',
      parent: 'q2',
      role: 'assistant',
      content: [],
      state: 'ended',
      answer: { ending: 'failed', code: 'overloaded_error' },
    },
    { id: 'q3', parent: 'a2', role: 'user', content: [] },
    { id: 'a3', parent: 'q3', role: 'assistant', content: [], state: 'streaming' },
  ],
};

test('toTurnRecords gives the branch up to the head, with how each answer ended, and what is open to be followed', () => {
  const records = toTurnRecords(kept);
  assert.deepEqual(
    records.map((turn) => (turn.type === 'question' ? turn.text : turn.state.type)),
    ['One', 'complete', 'Two', 'failed', 'submitted'],
  );
  const answers = records.flatMap((turn) => (turn.type === 'answer' ? [createAnswer(turn).answer] : []));
  assert.deepEqual(
    answers.map(({ streamId, text }) => [streamId, text]),
    [
      ['a1', 'First'],
      ['a2', ''],
      ['a3', ''],
    ],
  );
  assert.deepEqual(answers[1]?.state.value, {
    type: 'failed',
    problem: { code: 'overloaded_error', message: '' },
  });
  const ring = kept.turns.map((turn) => ({ ...turn, parent: turn.parent ?? 'a3' }));
  assert.equal(toTurnRecords({ ...kept, turns: ring }).length, records.length, 'parents in a ring end');
  assert.deepEqual(toTurnRecords({ ...kept, head: null }), []);
});

test('toAskRequest sends what is new behind the last answer that the relay has, or all where it has none', () => {
  const known = settled(...answerOf('First'));
  known.streamId = 's1';
  const refused = settled({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } });
  const asked = createAnswer().answer;
  const turns = [question('one'), known, question('two'), refused, question('three'), asked];
  const common = { turns, conversation: 'c', info: undefined };
  const text = (value: string) => ({ type: 'text' as const, text: value });
  assert.deepEqual(toAskRequest({ ...common, isWhole: false }), {
    conversation: 'c',
    parent: 's1',
    messages: [{ role: 'user', content: [text('two'), text('three')] }],
  });
  assert.deepEqual(toAskRequest({ ...common, isWhole: true }), {
    conversation: 'c',
    parent: null,
    messages: [
      { role: 'user', content: [text('one')] },
      { role: 'assistant', content: [text('First')] },
      { role: 'user', content: [text('two'), text('three')] },
    ],
  });
});

test('toProblem names each kind of failure, and keeps what the server says', () => {
  const limited = new ApiError(
    { type: 'rate_limit_error', message: 'slow' },
    { requestId: 'req_1', retryAfterMs: 2000 },
  );
  assert.deepEqual(toProblem(limited, 1000), {
    code: 'rate_limit_error',
    message: 'slow',
    requestId: 'req_1',
    retryAtMs: 3000,
  });
  assert.equal(toProblem(new FollowError('gone', 'x'), 0).code, 'gone');
  assert.equal(toProblem(new ApiError({ type: 'new_error', message: 'x' }), 0).code, 'other');
  const relayed = new ApiError({ type: 'api_error', message: 'x', details: { code: 'truncated' } });
  assert.equal(toProblem(relayed, 0).code, 'truncated');
  assert.equal(toProblem(new TypeError('x'), 0).code, 'other');
});
