// The accounts of all owners. What they take of the day is kept in a store.

import { MemoryQuotas } from '../../storage/index.ts';
import type { QuotaStore } from '../../storage/index.ts';
import { RequestError } from '../request-error.ts';
import type { MessagesBody } from './asked.ts';
import { hasQuota, limitsOf } from './access-rules.ts';
import type { AccessRules, FullLimits } from './access-rules.ts';
import { boundOf, nothing, priceOf } from './amount.ts';
import { inputBound } from './input-bound.ts';
import { OwnerAccount } from './owner-account.ts';
import { QuotaBook } from './quota-book.ts';
import type { Prospect, Turn } from './turn.ts';

export interface OwnerAccountsOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Default this process's memory. */
  readonly quotas?: QuotaStore | undefined;
  /** Told of a store that fails where nobody waits for it. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface OwnerUsage {
  readonly owner: string;
  /** Answers under way, and those that wait for their turn. */
  readonly running: number;
  readonly waiting: number;
  /** Of this day of UTC, where the owner has a quota: 0 otherwise. */
  readonly tokens: number;
  readonly cost: number;
}

/** So many more accounts, and those that hold nothing are forgotten. */
const sweepEvery = 1000;

export class OwnerAccounts {
  readonly #rules: () => AccessRules;
  readonly #now: () => number;
  readonly #accounts = new Map<string, OwnerAccount>();
  readonly #book: QuotaBook;
  #sweepAt = sweepEvery;

  constructor(
    rules: () => AccessRules,
    { now, quotas = new MemoryQuotas(), onError = () => undefined }: OwnerAccountsOptions,
  ) {
    this.#rules = rules;
    this.#now = now;
    this.#book = new QuotaBook({
      store: quotas,
      now,
      onError,
      onLoad: (day, taken) => {
        for (const [owner, amount] of taken) this.of(owner).add(day, amount);
      },
    });
  }

  /** Resolves when what was taken of the day before is known: nothing is to be begun before. Undefined when it is.
   * Rejects with StorageError; asked again, it looks again. */
  ready(): Promise<void> | undefined {
    return this.#book.ready();
  }

  /** Writes what is to be kept. Never rejects. */
  close(): Promise<void> {
    return this.#book.close();
  }

  of(owner: string): OwnerAccount {
    const known = this.#accounts.get(owner);
    if (known !== undefined) return known;
    if (this.#accounts.size >= this.#sweepAt) this.#sweep();
    const limits = (): FullLimits => limitsOf(this.#rules(), owner);
    const account = new OwnerAccount({ owner, limits, now: this.#now, book: this.#book });
    this.#accounts.set(owner, account);
    return account;
  }

  /** Throws OwnerLimitError where there is no room, not even to wait, and RequestError for what has no price. */
  enter(owner: string, body: MessagesBody): Turn {
    return this.of(owner).enter(this.prospectOf(owner, body));
  }

  /** For an answer that another process began; undefined where it cannot be counted. */
  takeOver(owner: string, request: string): Turn | undefined {
    try {
      return this.of(owner).force(this.prospectOf(owner, JSON.parse(request) as MessagesBody));
    } catch (error) {
      // By other rules than it was begun with.
      if (error instanceof RequestError) return undefined;
      throw error;
    }
  }

  /** Whether what a model takes can be counted as far as the owner's limits need it. */
  canCount(owner: string, model: string): boolean {
    const rules = this.#rules();
    return limitsOf(rules, owner).costPerDay === Infinity || priceOf(model, rules.prices) !== undefined;
  }

  hasKey(owner: string): boolean {
    return this.#rules().keys?.has(owner) === true;
  }

  /** Whether its answers may have to wait, must be counted, or may have to end with their key. */
  needsTurns(owner: string): boolean {
    const rules = this.#rules();
    return rules.keys !== undefined || limitsOf(rules, owner).concurrent !== Infinity || this.hasQuota(owner);
  }

  /** Whether what its answers take must be counted. */
  hasQuota(owner: string): boolean {
    return hasQuota(limitsOf(this.#rules(), owner));
  }

  usage(): readonly OwnerUsage[] {
    return Array.from(this.#accounts, ([owner, account]) => {
      const { taken, ...counts } = account.counts;
      return { owner, ...counts, ...taken };
    });
  }

  /** The rules have changed: what these owners have under way is stopped, and others may have more room. */
  change(removed: readonly string[]): void {
    for (const owner of removed) this.#accounts.get(owner)?.close();
    for (const account of this.#accounts.values()) account.goOn();
  }

  /** Throws RequestError for what has no price. */
  prospectOf(owner: string, body: MessagesBody): Prospect {
    if (!this.hasQuota(owner)) return unlimited;
    const rules = this.#rules();
    const price = priceOf(body['model'], rules.prices);
    if (limitsOf(rules, owner).costPerDay !== Infinity) checkPrice(body, price !== undefined);
    const wanted = body['max_tokens'];
    const maxTokens = typeof wanted === 'number' && wanted >= 0 ? wanted : Infinity;
    const input = inputBound(body);
    const isStreamed = body['stream'] === true;
    const bound = boundOf({ input: input.tokens, output: isStreamed ? 0 : maxTokens }, price);
    const ahead = isStreamed ? Math.min(maxTokens, tokensAhead) : 0;
    return { price, input, maxTokens, bound, margin: boundOf({ input: 0, output: ahead }, price) };
  }

  #sweep(): void {
    for (const [owner, account] of this.#accounts) {
      if (!account.isIdle) continue;
      this.#accounts.delete(owner);
      this.#book.forget(account);
    }
    this.#sweepAt = this.#accounts.size + sweepEvery;
  }
}

const unlimited: Prospect = {
  price: undefined,
  input: { tokens: 0, isSure: true },
  maxTokens: Infinity,
  bound: nothing,
  margin: nothing,
};

/** Of output that is kept before it comes: a write for each half of it, and no more than that counted too much for an
 * answer that a kill cuts off. */
const tokensAhead = 4096;

/** Fields that can make every token dearer, with the value that does not. */
const dearer: Readonly<Record<string, unknown>> = {
  fallbacks: undefined,
  inference_geo: 'global',
  speed: 'standard',
};

/** What cannot be counted is not let past a limit of cost. Throws RequestError. */
function checkPrice(body: MessagesBody, hasPrice: boolean): void {
  const field = Object.keys(dearer).find((name) => body[name] != null && body[name] !== dearer[name]);
  const unknown = hasPrice ? field : 'model';
  if (unknown === undefined) return;
  const value = JSON.stringify(body[unknown]);
  throw new RequestError(400, `${unknown}: ${value} has no price here, and this key has a limit of cost`);
}
