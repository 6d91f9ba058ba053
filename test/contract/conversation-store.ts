// What every ConversationStore does, whatever keeps it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConversationLimits, ConversationStore, StoredTurn } from 'millrace/storage';

export interface ConversationBackend {
  readonly name: string;
  /** Opens an empty store. */
  readonly open: (limits: ConversationLimits) => Promise<OpenedStore>;
  /** Opens the store that was closed last, with what is in it; absent for a backend that keeps nothing. */
  readonly reopen?: (limits: ConversationLimits) => Promise<OpenedStore>;
}

interface OpenedStore extends AsyncDisposable {
  readonly conversations: ConversationStore;
}

const limits = { maxConversations: 3, maxConversationBytes: 1000 };

function turn(id: string, extra: Partial<StoredTurn> = {}): StoredTurn {
  return { id, parent: null, role: 'user', content: `I am ${id}`, createdAt: 1, ...extra };
}

const question = turn('q');
const answer = turn('a', {
  parent: 'q',
  role: 'assistant',
  content: [],
  isOpen: true,
  key: 'k',
  createdAt: 2,
});
const begun = { turns: [question, answer], head: 'a', title: 'First', now: 10 };
const settled = {
  content: [
    { type: 'thinking', thinking: 'hm', signature: 'c2ln\u00e9' },
    { type: 'text', text: 'Hello 🌊\u0000\n', citations: null },
  ],
  answer: { ending: 'complete', stop_reason: 'end_turn', model: 'claude-sonnet-5' },
} as const;

export function testConversationStore({ name, open, reopen }: ConversationBackend): void {
  const it = (title: string, run: (store: ConversationStore) => Promise<void>): void => {
    void test(`${name}: ${title}`, async () => {
      await using opened = await open(limits);
      await run(opened.conversations);
    });
  };

  it('a conversation is made by its first turns, and read as it was put', async (store) => {
    assert.equal(await store.read('me', 'c'), undefined);
    assert.equal(await store.put('me', 'c', begun), 'put');
    assert.deepEqual(await store.read('me', 'c'), {
      id: 'c',
      title: 'First',
      head: 'a',
      createdAt: 10,
      updatedAt: 10,
      turns: [question, answer],
    });
  });

  it('later turns are added, those that are there are replaced in their places', async (store) => {
    await store.put('me', 'c', begun);
    const edited = turn('q', { content: [{ type: 'text', text: 'edited' }] });
    const other = turn('q2', { parent: null });
    await store.put('me', 'c', { turns: [other, edited], head: 'q2', title: 'Second', now: 20 });
    const read = await store.read('me', 'c');
    assert.deepEqual(read?.turns, [edited, answer, other]);
    assert.deepEqual([read?.title, read?.head, read?.createdAt, read?.updatedAt], ['First', 'q2', 10, 20]);
  });

  it('what is read or put is a copy', async (store) => {
    const content = [{ type: 'text', text: 'as it was' }];
    await store.put('me', 'c', { ...begun, turns: [turn('q', { content })], head: 'q' });
    Object.assign(content[0] ?? {}, { text: 'changed' });
    const read = await store.read('me', 'c');
    assert.deepEqual(read?.turns[0]?.content, [{ type: 'text', text: 'as it was' }]);
    Object.assign(read?.turns[0]?.content[0] ?? {}, { text: 'changed' });
    assert.deepEqual((await store.read('me', 'c'))?.turns, [
      turn('q', { content: [{ type: 'text', text: 'as it was' }] }),
    ]);
  });

  it('an answer under way is settled once, byte for byte, whoever owns it', async (store) => {
    await store.put('me', 'c', begun);
    assert.deepEqual(await store.open(), ['a']);
    assert.ok(await store.isOpen('a'));
    assert.equal(await store.settle('a', settled), true);
    assert.equal(await store.settle('a', { ...settled, content: [] }), false);
    assert.equal(await store.settle('none', settled), false);
    assert.deepEqual(await store.open(), []);
    assert.ok(!(await store.isOpen('a')));
    const { isOpen: _open, ...rest } = answer;
    assert.deepEqual((await store.read('me', 'c'))?.turns, [question, { ...rest, ...settled }]);
  });

  it('each owner has conversations of their own, also by the same id', async (store) => {
    await store.put('me', 'c', begun);
    const theirs = { turns: [turn('x')], head: 'x', title: 'Theirs', now: 5 };
    await store.put('you', 'c', theirs);
    assert.equal((await store.read('you', 'c'))?.title, 'Theirs');
    assert.equal((await store.read('me', 'c'))?.title, 'First');
    assert.equal(await store.read('nobody', 'c'), undefined);
    assert.deepEqual(await store.delete('you', 'c'), []);
    assert.equal(await store.read('you', 'c'), undefined);
    assert.equal((await store.read('me', 'c'))?.turns.length, 2);
  });

  it('a list has the one changed last first, page by page', async (store) => {
    for (const [id, now] of [
      ['b', 20],
      ['a', 20],
      ['c', 10],
    ] as const)
      await store.put('me', id, { turns: [turn('q')], head: 'q', title: id, now });
    const first = await store.list('me', { limit: 2 });
    assert.deepEqual(
      first.map(({ id }) => id),
      ['a', 'b'],
    );
    assert.deepEqual(first[0], { id: 'a', title: 'a', head: 'q', createdAt: 20, updatedAt: 20 });
    const rest = await store.list('me', { limit: 2, after: first[1] });
    assert.deepEqual(
      rest.map(({ id }) => id),
      ['c'],
    );
    assert.deepEqual(await store.list('me', { limit: 2, after: rest[0] }), []);
    assert.deepEqual(await store.list('you', { limit: 2 }), []);
    await store.change('me', 'c', { title: 'C', now: 30 });
    assert.equal((await store.list('me', { limit: 1 }))[0]?.title, 'C');
  });

  it('title and head change, to a turn that is there', async (store) => {
    await store.put('me', 'c', begun);
    assert.equal(await store.change('me', 'c', { head: 'q', now: 20 }), 'changed');
    assert.equal(await store.change('me', 'c', { title: 'New', now: 30 }), 'changed');
    assert.equal(await store.change('me', 'c', { title: 'No', head: 'none', now: 40 }), 'no_turn');
    assert.equal(await store.change('you', 'c', { title: 'No', now: 40 }), 'gone');
    const { title, head, updatedAt } = (await store.read('me', 'c')) ?? {};
    assert.deepEqual([title, head, updatedAt], ['New', 'q', 30]);
  });

  it('one that is deleted is gone with its answers under way, and says whose logs they were', async (store) => {
    await store.put('me', 'c', begun);
    assert.deepEqual(await store.delete('me', 'c'), ['a']);
    assert.equal(await store.delete('me', 'c'), undefined);
    assert.equal(await store.settle('a', settled), false);
    assert.deepEqual(await store.open(), []);
    await store.put('me', 'c', { ...begun, turns: [question], head: 'q' });
    assert.deepEqual((await store.read('me', 'c'))?.turns, [question]);
  });

  it('past its limits it is full, and holds what it held', async (store) => {
    const large = { turns: [turn('q', { content: 'x'.repeat(600) })], head: 'q', title: 't', now: 1 };
    assert.equal(await store.put('me', 'a', large), 'put');
    const more = { ...large, turns: [turn('r', { content: 'x'.repeat(600) })], head: 'r', now: 2 };
    assert.equal(await store.put('me', 'a', more), 'full');
    assert.deepEqual((await store.read('me', 'a'))?.turns, large.turns);
    assert.equal(await store.put('me', 'a', large), 'put', 'in the place of itself');
    assert.equal(await store.put('me', 'b', large), 'put');
    assert.equal(await store.put('me', 'c', large), 'put');
    assert.equal(await store.put('me', 'd', large), 'full');
    assert.equal(await store.read('me', 'd'), undefined);
    assert.equal(await store.put('you', 'd', large), 'put');
  });

  it('turns that follow one that is not there are not put, and make no conversation', async (store) => {
    const orphan = { turns: [turn('r', { parent: 'q' })], head: 'r', title: 't', now: 1 };
    assert.equal(await store.put('me', 'c', orphan), 'no_parent');
    assert.equal(await store.read('me', 'c'), undefined);
    await store.put('me', 'c', begun);
    await store.put('me', 'other', { ...begun, turns: [turn('x')], head: 'x' });
    assert.equal(await store.put('me', 'other', orphan), 'no_parent');
    assert.equal(await store.put('me', 'c', orphan), 'put');
  });

  it('an answer takes the room it came to', async (store) => {
    await store.put('me', 'c', begun);
    await store.settle('a', { ...settled, content: [{ type: 'text', text: 'x'.repeat(900) }] });
    const more = { turns: [turn('r', { content: 'x'.repeat(100) })], head: 'r', title: 't', now: 2 };
    assert.equal(await store.put('me', 'c', more), 'full');
  });

  void test(
    `${name}: what was put is there when it is opened again`,
    { skip: reopen === undefined && 'it keeps nothing' },
    async () => {
      await (async () => {
        await using opened = await open(limits);
        await opened.conversations.put('me', 'c', begun);
      })();
      assert.ok(reopen !== undefined);
      await using again = await reopen(limits);
      assert.deepEqual((await again.conversations.read('me', 'c'))?.turns, [question, answer]);
      assert.deepEqual(await again.conversations.open(), ['a']);
      assert.equal(await again.conversations.settle('a', settled), true);
    },
  );
}
