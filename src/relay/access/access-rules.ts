// The options of access, checked and with every default in its place.

import type { AccessOptions, OwnerLimits, PageRules, RelayKey, TokenRules } from './access-options.ts';
import { checkAccessOptions } from './check-options.ts';
import { publishedPrices } from './price-table.ts';
import type { PriceTable } from './price-table.ts';

export type FullLimits = Readonly<Record<keyof OwnerLimits, number>>;

export interface AccessRules {
  /** By id; undefined for a relay that has none. */
  readonly keys: ReadonlyMap<string, RelayKey> | undefined;
  readonly origins: ReadonlySet<string>;
  /** In lower case. */
  readonly hosts: ReadonlySet<string>;
  /** Undefined where pages may ask for anything. */
  readonly pages: PageRules | undefined;
  readonly limits: FullLimits;
  readonly prices: PriceTable;
  /** Undefined without cookies. */
  readonly sessionMs: number | undefined;
  readonly tokens: TokenRules | undefined;
}

const noLimits: FullLimits = {
  concurrent: Infinity,
  queue: 20,
  waitMs: 30_000,
  requestsPerMinute: Infinity,
  tokensPerDay: Infinity,
  costPerDay: Infinity,
  readersPerStream: Infinity,
  readers: Infinity,
};

/** Of somebody who is known by a key: enough for a person with several tabs. */
const keyLimits: FullLimits = { ...noLimits, concurrent: 3, readersPerStream: 6, readers: 20 };

const defaultSessionMs = 12 * 60 * 60 * 1000;

/** Throws an AccessOptionError. */
export function accessRules(options: AccessOptions): AccessRules {
  checkAccessOptions(options);
  const {
    keys,
    origins = [],
    hosts = [],
    allow,
    limits,
    prices = publishedPrices,
    session,
    tokens,
  } = options;
  const hasKeys = keys !== undefined;
  return {
    keys: keys && new Map(keys.map((key) => [key.id, key])),
    origins: new Set(origins),
    hosts: new Set(hosts.map((host) => host.toLowerCase())),
    pages: allow ?? (hasKeys ? {} : undefined),
    limits: withLimits(hasKeys ? keyLimits : noLimits, limits),
    prices,
    sessionMs: hasKeys && session !== false ? (session?.maxAgeMs ?? defaultSessionMs) : undefined,
    tokens,
  };
}

/** Whether what answers take must be counted. */
export function hasQuota({ tokensPerDay, costPerDay }: FullLimits): boolean {
  return tokensPerDay !== Infinity || costPerDay !== Infinity;
}

export function limitsOf({ keys, limits }: AccessRules, owner: string): FullLimits {
  return withLimits(limits, keys?.get(owner)?.limits);
}

function withLimits(usual: FullLimits, limits: OwnerLimits | undefined): FullLimits {
  const said = Object.entries(limits ?? {}).filter(([, value]) => value !== undefined);
  return said.length === 0 ? usual : { ...usual, ...(Object.fromEntries(said) as Partial<FullLimits>) };
}
