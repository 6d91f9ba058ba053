import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredTurn } from 'millrace/storage';
import { longestKnown } from '../../src/relay/conversations/longest-known.ts';

function turn(id: string, parent: string | null, said: string): StoredTurn {
  const role = said.startsWith('Q') ? 'user' : 'assistant';
  return { id, parent, role, content: [{ type: 'text', text: said }], createdAt: 0 };
}

const ask = (content: string) => ({ role: 'user' as const, content });
const answer = (content: string) => ({ role: 'assistant' as const, content });

test('longestKnown() finds the branch that has most of what is said, and of several the last', () => {
  const turns = [
    turn('q1', null, 'Q1'),
    turn('a1', 'q1', 'A1'),
    turn('q2', 'a1', 'Q2'),
    turn('q1b', null, 'Q1'),
    turn('a1b', 'q1b', 'A1'),
    turn('q1c', null, 'Q1'),
  ];
  const known = (...messages: Parameters<typeof longestKnown>[1]) =>
    longestKnown(turns, messages).turns.map(({ id }) => id);
  assert.deepEqual(known(ask('Q1')), ['q1c']);
  assert.deepEqual(known(ask('Q1'), answer('A1')), ['q1b', 'a1b']);
  assert.deepEqual(known(ask('Q1'), answer('A1'), ask('Q2'), answer('A2')), ['q1', 'a1', 'q2']);
  assert.deepEqual(known(ask('Q1'), answer('A1'), ask('Q3')), ['q1b', 'a1b']);
  assert.deepEqual(known(ask('Q0')), []);
  assert.deepEqual(known(answer('A1')), []);
});

test('longestKnown() takes blocks for the same that say the same: text, calls by their ids, results with what they say', () => {
  const blocks = [
    { type: 'text', text: 'A', citations: null },
    { type: 'text', text: 'B' },
    { type: 'tool_use', id: 't', name: 'look', input: { a: 1 } },
  ];
  const turns: StoredTurn[] = [
    { id: 'q', parent: null, role: 'user', content: 'Q', createdAt: 0 },
    { id: 'a', parent: 'q', role: 'assistant', content: blocks, createdAt: 0 },
  ];
  const same = [
    { type: 'text', text: 'AB' },
    { type: 'tool_use', id: 't', name: 'look', input: {} },
  ];
  const said = (content: typeof same) =>
    longestKnown(turns, [ask('Q'), { role: 'assistant', content }]).turns.length;
  assert.equal(said(same), 2);
  assert.equal(said([...same].toReversed()), 1);
  assert.equal(said([{ type: 'text', text: 'A' }]), 1);
});

test('longestKnown() knows a turn that paused, of which a page gives back what was ended', () => {
  const search = { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} };
  const found = { type: 'web_search_tool_result', tool_use_id: 's1', content: [] };
  const ended = [{ type: 'text', text: 'A' }, search, found];
  const begun = [
    { type: 'text', text: ' ' },
    { type: 'thinking', thinking: 'So', signature: '' },
    { type: 'server_tool_use', id: 's2', name: 'web_search', input: {} },
    { type: 'mcp_tool_use', id: 's3', name: 'look', input: {} },
  ];
  const turns: StoredTurn[] = [
    { id: 'q', parent: null, role: 'user', content: 'Q', createdAt: 0 },
    { id: 'a', parent: 'q', role: 'assistant', content: [...ended, ...begun], createdAt: 0 },
  ];
  const said = (content: typeof ended) =>
    longestKnown(turns, [ask('Q'), { role: 'assistant', content }]).turns.length;
  assert.equal(said(ended), 2);
  assert.equal(said(ended.slice(0, 1)), 1, 'what was ended counts');
});

test(
  'longestKnown() of sixty thousand messages takes no longer than they are long',
  { timeout: 30_000 },
  () => {
    const count = 60_000;
    const said = (index: number): string => (index % 2 === 0 ? 'Q' : 'A');
    const turns = Array.from({ length: count }, (_, index) =>
      turn(`t${index}`, index === 0 ? null : `t${index - 1}`, said(index)),
    );
    const messages = Array.from({ length: count }, (_, index) =>
      index % 2 === 0 ? ask(said(index)) : answer(said(index)),
    );
    assert.equal(longestKnown(turns, messages).turns.length, count);
  },
);

test('longestKnown() goes on behind an answer that said nothing, where the page has one message for both questions', () => {
  const text = (...texts: string[]) => texts.map((each) => ({ type: 'text' as const, text: each }));
  const empty = (id: string, parent: string, isOpen?: true): StoredTurn => ({
    ...turn(id, parent, 'A'),
    content: [],
    ...(isOpen && { isOpen }),
  });
  const both = [{ role: 'user' as const, content: text('Q1', 'Q2') }];
  const known = (turns: StoredTurn[], messages: Parameters<typeof longestKnown>[1] = both) => {
    const { turns: found, said, rest } = longestKnown(turns, messages);
    const told = (list: typeof messages) =>
      list.map(({ content }) => (content as readonly { text: string }[]).map((each) => each.text).join());
    return [found.map(({ id }) => id).join(), told(said).join('|'), told(rest).join('|')];
  };
  const q1 = turn('q1', null, 'Q1');
  assert.deepEqual(known([q1, empty('a1', 'q1')]), ['q1,a1', 'Q1', 'Q2']);
  assert.deepEqual(known([q1, empty('a1', 'q1'), empty('a2', 'q1')]), ['q1,a2', 'Q1', 'Q2']);
  const three = [{ role: 'user' as const, content: text('Q1', 'Q2', 'Q3') }];
  const later = [q1, empty('a1', 'q1'), turn('q2', 'a1', 'Q2'), empty('a2', 'q2')];
  assert.deepEqual(known(later, three), ['q1,a1,q2,a2', 'Q1,Q2', 'Q3']);
  assert.deepEqual(known(later), ['q1,a1,q2', 'Q1,Q2', ''], 'asked again');
  const answered = [...later.slice(0, 3), turn('a2', 'q2', 'A2')];
  const on = [...both, { role: 'assistant' as const, content: text('A2') }, ...both];
  assert.deepEqual(known(answered, on), ['q1,a1,q2,a2', 'Q1,Q2|A2', 'Q1,Q2']);
  // It is under way, and may say something yet.
  const open = [q1, empty('a1', 'q1', true)];
  assert.deepEqual(known(open), ['q1', 'Q1', 'Q2']);
  const left = [q1, turn('a1', 'q1', 'A1'), turn('q2', 'q1', 'Q2')];
  assert.deepEqual(known(left), ['q1,q2', 'Q1,Q2', '']);
  // A question that was answered is another one with more in it.
  assert.deepEqual(known([q1, turn('a1', 'q1', 'A1')]), ['', '', 'Q1,Q2']);
});

test('longestKnown() takes as long as there is to read where thousands of questions had no answer', () => {
  const texts = Array.from({ length: 5000 }, (_, index) => `Q${index}`);
  const turns = texts.map((text, index) => turn(text, index === 0 ? null : `Q${index - 1}`, text));
  const content = [...texts, 'new'].map((text) => ({ type: 'text' as const, text }));
  const { turns: known, said, rest } = longestKnown(turns, [{ role: 'user', content }]);
  // Nothing says yet that the last of them has no answer.
  assert.equal(known.length, texts.length - 1);
  assert.deepEqual(said, [{ role: 'user', content: content.slice(0, -2) }]);
  assert.deepEqual(rest, [{ role: 'user', content: content.slice(-2) }]);
});
