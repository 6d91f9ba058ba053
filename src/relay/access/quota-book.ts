// Keeps in a store what owners take of a day, so that a process that begins anew counts on. What is kept is at least
// what upstream can have charged, but for what it says while one write is under way: a process that is killed counts
// rather too much for what it had under way than too little.

import type { QuotaStore } from '../../storage/index.ts';
import { withStore } from '../storage-error.ts';
import type { Amount } from './amount.ts';

export const dayMs: number = 24 * 60 * 60 * 1000;

/** What the book has to know of an owner's account. */
export interface BookedAccount {
  readonly owner: string;
  /** What the day may have come to before the next write. */
  ahead(day: number): Amount;
  /** As much is kept by now. */
  keep(day: number, amount: Amount): void;
}

export interface QuotaBookOptions {
  readonly store: QuotaStore;
  readonly now: () => number;
  /** Told of a write that nobody waits for, and that will be made again. */
  readonly onError: (error: unknown) => void;
  /** Told once what was taken of the day before this process began. */
  readonly onLoad: (day: number, taken: ReadonlyMap<string, Amount>) => void;
}

/** How long what an answer did not take after all may stay booked. */
const settleMs = 1000;

export class QuotaBook {
  readonly #options: QuotaBookOptions;
  /** To be written. */
  readonly #due = new Set<BookedAccount>();
  #isLoaded = false;
  #loading: Promise<void> | undefined;
  /** The write under way, and the one that comes after it: whoever comes meanwhile goes with that. */
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: QuotaBookOptions) {
    this.#options = options;
  }

  /** Resolves when what was taken before is known; undefined when it is already. Rejects with StorageError; asked
   * again, it looks again. */
  ready(): Promise<void> | undefined {
    if (this.#isLoaded) return undefined;
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Resolves when what the account has ahead is kept. Rejects with StorageError. */
  write(account: BookedAccount): Promise<void> {
    this.#due.add(account);
    this.#next ??= this.#writeAfter(this.#writing);
    return this.#next;
  }

  /** As `write`, where nobody waits for it. Never rejects. */
  writeUnseen(account: BookedAccount): Promise<void> {
    return this.write(account).catch(this.#options.onError);
  }

  /** Less was taken than is kept: there is no hurry. */
  writeSoon(account: BookedAccount): void {
    if (this.#isClosed) return;
    this.#due.add(account);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.writeUnseen(account), settleMs);
    // No reason to keep a process alive, where that is the timer's to say.
    (this.#timer as { unref?: () => unknown }).unref?.();
  }

  /** The account is another one from now on. */
  forget(account: BookedAccount): void {
    this.#due.delete(account);
  }

  /** Writes what is due. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const [account] = this.#due;
    if (account !== undefined) await this.writeUnseen(account);
    await this.#writing;
  }

  async #load(): Promise<void> {
    const { store, onLoad } = this.#options;
    const day = this.#today;
    const taken = await withStore('read what owners have taken', () => store.taken(day));
    this.#isLoaded = true;
    onLoad(day, taken);
  }

  async #writeAfter(before: Promise<void>): Promise<void> {
    await before;
    try {
      // What was kept before would be written over.
      await this.ready();
    } finally {
      this.#next = undefined;
    }
    const writing = this.#writeDue();
    this.#writing = writing.catch(() => undefined);
    await writing;
  }

  async #writeDue(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const day = this.#today;
    const accounts = [...this.#due];
    this.#due.clear();
    const amounts = new Map(accounts.map((account) => [account.owner, account.ahead(day)]));
    try {
      await withStore('write what owners have taken', () => this.#options.store.put(day, amounts));
    } catch (error) {
      for (const account of accounts) this.#due.add(account);
      throw error;
    }
    for (const account of accounts) account.keep(day, amounts.get(account.owner) ?? account.ahead(day));
  }

  get #today(): number {
    return Math.floor(this.#options.now() / dayMs);
  }
}
