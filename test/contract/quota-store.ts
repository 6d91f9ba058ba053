// What every QuotaStore does, whatever keeps it. Numbers in the titles are those of the promises in
// src/storage/quota-store.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuotaStore, TakenOfDay } from 'millrace/storage';

export interface QuotaBackend {
  readonly name: string;
  /** Opens an empty store. */
  readonly open: () => Promise<OpenedStore>;
  /** Opens the store that was closed last, with what is in it; absent for a backend that keeps nothing. */
  readonly reopen?: () => Promise<OpenedStore>;
}

interface OpenedStore extends AsyncDisposable {
  readonly quotas: QuotaStore;
}

const of = (owners: Record<string, TakenOfDay>): ReadonlyMap<string, TakenOfDay> =>
  new Map(Object.entries(owners));

export function testQuotaStore({ name, open, reopen }: QuotaBackend): void {
  const it = (title: string, run: (store: QuotaStore) => Promise<void>): void => {
    void test(`${name}: ${title}`, async () => {
      await using opened = await open();
      await run(opened.quotas);
    });
  };

  it('an empty store has nothing of any day', async (store) => {
    assert.deepEqual([...(await store.taken(0)), ...(await store.taken(20_000))], []);
  });

  it('taken is what was put, exactly, also of odd amounts and owners (1)', async (store) => {
    const odd = of({
      ann: { tokens: 0.25, cost: 0.1 + 0.2 },
      'a@b.example': { tokens: 2 ** 52, cost: 1e-9 },
      __proto: { tokens: 0, cost: 0 },
    });
    await store.put(20_000, odd);
    assert.deepEqual(await store.taken(20_000), odd);
  });

  it('put replaces what was put of these owners, and touches no others (2)', async (store) => {
    await store.put(20_000, of({ ann: { tokens: 5, cost: 1 }, bob: { tokens: 7, cost: 2 } }));
    await store.put(20_000, of({ ann: { tokens: 3, cost: 0.5 } }));
    const wanted = of({ ann: { tokens: 3, cost: 0.5 }, bob: { tokens: 7, cost: 2 } });
    assert.deepEqual(await store.taken(20_000), wanted);
  });

  it('a later day makes it forget those before, and what is put of an earlier one is nothing (3)', async (store) => {
    const first = of({ ann: { tokens: 5, cost: 1 }, bob: { tokens: 6, cost: 1 } });
    const second = of({ ann: { tokens: 1, cost: 0 } });
    await store.put(20_000, first);
    await store.put(20_001, second);
    assert.deepEqual(await store.taken(20_001), second);
    assert.equal((await store.taken(20_000)).size, 0);
    await store.put(20_000, of({ ann: { tokens: 9, cost: 9 } }));
    assert.deepEqual(await store.taken(20_001), second);
    assert.equal((await store.taken(20_000)).size, 0);
  });

  it('what taken returned does not change with what is put later', async (store) => {
    await store.put(20_000, of({ ann: { tokens: 5, cost: 1 } }));
    const before = await store.taken(20_000);
    await store.put(20_000, of({ ann: { tokens: 6, cost: 1 } }));
    assert.equal(before.get('ann')?.tokens, 5);
  });

  const skip = reopen === undefined && 'it keeps nothing';
  void test(`${name}: what was put is there when it is opened again (1)`, { skip }, async () => {
    const taken = of({ ann: { tokens: 5.5, cost: 0.3 } });
    {
      await using opened = await open();
      await opened.quotas.put(20_000, taken);
    }
    await using opened = await reopen!();
    assert.deepEqual(await opened.quotas.taken(20_000), taken);
  });
}
