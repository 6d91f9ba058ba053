// What owners have taken of a day, so that a process that begins anew counts on. Every backend passes
// test/contract/quota-store.ts, whose tests carry the numbers of the promises below.

/** Of one owner, in one day. */
export interface TakenOfDay {
  /** Where upstream has not counted them yet, an estimate: not always whole. */
  readonly tokens: number;
  /** In the currency of the prices. */
  readonly cost: number;
}

/**
 * Promises of every backend:
 *
 * 1. What `put` has acknowledged every later `taken` returns, exactly, also after the store was opened again.
 * 2. `put` replaces what was put of these owners, and touches no others of the day.
 * 3. Only the newest day is kept: what is put of a later one makes the store forget those before, and what is put of an
 *    earlier one is nothing.
 */
export interface QuotaStore {
  /** By owner; `day` is a day of UTC, counted from 1970. */
  taken(day: number): Promise<ReadonlyMap<string, TakenOfDay>>;
  /** Writes all of it or nothing. */
  put(day: number, taken: ReadonlyMap<string, TakenOfDay>): Promise<void>;
}
