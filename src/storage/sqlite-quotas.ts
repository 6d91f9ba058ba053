// What owners have taken of a day, in the file of a store, beside its streams. The table is in open-sqlite-file.ts.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { QuotaStore, TakenOfDay } from './quota-store.ts';
import type { StoreAccess } from './sqlite-conversations.ts';

export class SqliteQuotas implements QuotaStore {
  readonly #access: StoreAccess;
  readonly #select: StatementSync;
  readonly #newest: StatementSync;
  readonly #forget: StatementSync;
  readonly #put: StatementSync;

  constructor(database: DatabaseSync, access: StoreAccess) {
    this.#access = access;
    this.#select = database.prepare('SELECT owner, tokens, cost FROM quota WHERE day = ?');
    this.#newest = database.prepare('SELECT max(day) AS day FROM quota');
    this.#forget = database.prepare('DELETE FROM quota WHERE day < ?');
    this.#put = database.prepare(
      'INSERT OR REPLACE INTO quota (owner, day, tokens, cost) VALUES (?, ?, ?, ?)',
    );
  }

  taken(day: number): Promise<ReadonlyMap<string, TakenOfDay>> {
    return this.#access.look(() => {
      const rows = this.#select.all(day) as unknown as (TakenOfDay & { readonly owner: string })[];
      return new Map(rows.map(({ owner, tokens, cost }) => [owner, { tokens, cost }]));
    });
  }

  put(day: number, taken: ReadonlyMap<string, TakenOfDay>): Promise<void> {
    return this.#access.change(() => {
      const { day: newest } = this.#newest.get() as { day: number | null };
      if (newest !== null && day < newest) return;
      if (newest !== day) this.#forget.run(day);
      for (const [owner, { tokens, cost }] of taken) this.#put.run(owner, day, tokens, cost);
    });
  }
}
