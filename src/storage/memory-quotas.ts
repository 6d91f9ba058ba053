// What owners have taken of a day, in this process's memory: it ends with it.

import type { QuotaStore, TakenOfDay } from './quota-store.ts';

export class MemoryQuotas implements QuotaStore {
  #day = 0;
  readonly #taken = new Map<string, TakenOfDay>();

  async taken(day: number): Promise<ReadonlyMap<string, TakenOfDay>> {
    return new Map(day === this.#day ? this.#taken : []);
  }

  async put(day: number, taken: ReadonlyMap<string, TakenOfDay>): Promise<void> {
    if (day < this.#day) return;
    if (day > this.#day) this.#taken.clear();
    this.#day = day;
    for (const [owner, { tokens, cost }] of taken) this.#taken.set(owner, { tokens, cost });
  }
}
