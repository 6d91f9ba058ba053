// What a configuration must be for the relay to start with it. The first fault is thrown, with its field and reason.

import { AccessOptionError } from './access-option-error.ts';
import type { AccessOptions, OwnerLimits, PageRules, RelayKey } from './access-options.ts';
import type { PriceTable } from './price-table.ts';

type Check = (value: unknown, field: string) => void;
type Checks = Readonly<Record<string, Check>>;

/** Throws an AccessOptionError. */
export function checkAccessOptions(options: AccessOptions): void {
  checkFields(options, 'access', {
    keys: listOf(checkKey, 1),
    origins: listOf(checkOrigin),
    hosts: listOf(checkHost),
    allow: checkPageRules,
    limits: checkLimits,
    prices: checkPrices,
    session: checkSession,
  } satisfies Record<keyof AccessOptions, Check>);
  checkDuplicates(options.keys ?? []);
  checkTogether(options);
}

function checkKey(value: unknown, field: string): void {
  checkFields(value, field, {
    id: (id) => matching(id, `${field}.id`, { pattern: /^[\w.:@-]{1,64}$/, wanted: wantedId }),
    secret: checkSecret,
    operator: checkBoolean,
    limits: checkLimits,
    models: listOf(checkText, 1),
  } satisfies Record<keyof RelayKey, Check>);
  const { id, secret } = value as Partial<RelayKey>;
  if (id === undefined) throw new AccessOptionError(`${field}.id`, 'is missing');
  if (secret === undefined) throw new AccessOptionError(`${field}.secret`, 'is missing');
}

const wantedId = '1 to 64 letters, digits and _.:@-';

/** Never says what it is. */
function checkSecret(value: unknown, field: string): void {
  if (typeof value !== 'string') throw new AccessOptionError(field, 'must be a string');
  const { length } = value;
  if (length < 32 || length > 512)
    throw new AccessOptionError(field, `must have 32 to 512 characters, not ${length}`);
  if (!/^[!-~]+$/.test(value))
    throw new AccessOptionError(field, 'must be visible ASCII characters, as a header can hold them');
  if (new Set(value).size < 8)
    throw new AccessOptionError(field, 'must have 8 different characters or more: it can be guessed');
}

function checkOrigin(value: unknown, field: string): void {
  if (value === '*') return;
  const origin = typeof value === 'string' && URL.canParse(value) ? new URL(value).origin : undefined;
  if (origin !== value || origin === 'null' || !/^https?:[^*]+$/.test(String(value)))
    throw new AccessOptionError(
      field,
      `must be an origin such as "https://app.example.com", not ${said(value)}`,
    );
}

function checkHost(value: unknown, field: string): void {
  const pattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i;
  matching(value, field, { pattern, wanted: 'a name such as "relay.example.com", perhaps with a port' });
}

function checkUrlHost(value: unknown, field: string): void {
  const isName = typeof value === 'string' && /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/i.test(value);
  if (!isName)
    throw new AccessOptionError(
      field,
      `must be a public name such as "images.example.com", not ${said(value)}`,
    );
}

function checkPageRules(value: unknown, field: string): void {
  checkFields(value, field, {
    models: listOf(checkText, 1),
    maxTokens: numberFrom(1),
    fields: listOf(checkText),
    urlHosts: listOf(checkUrlHost),
    images: checkBoolean,
  } satisfies Record<keyof PageRules, Check>);
}

function checkLimits(value: unknown, field: string): void {
  checkFields(value, field, {
    concurrent: numberFrom(1),
    queue: numberFrom(0),
    waitMs: numberFrom(0),
    requestsPerMinute: numberFrom(1),
    tokensPerDay: numberFrom(1),
    costPerDay: checkAmount,
    readersPerStream: numberFrom(1),
    readers: numberFrom(1),
  } satisfies Record<keyof OwnerLimits, Check>);
}

function checkPrices(value: unknown, field: string): void {
  checkFields(value, field, {
    asOf: (day, at) => matching(day, at, { pattern: /^\d{4}-\d\d-\d\d$/, wanted: 'a day as 2026-10-24' }),
    source: checkText,
    currency: checkText,
    models: checkModels,
  } satisfies Record<keyof PriceTable, Check>);
  for (const name of ['asOf', 'source', 'currency', 'models']) {
    if (!Object.hasOwn(value as object, name))
      throw new AccessOptionError(`${field}.${name}`, 'is missing: who reads a price must see of when it is');
  }
}

function checkModels(value: unknown, field: string): void {
  for (const [model, price] of Object.entries(checkedObject(value, field))) {
    checkPrice(price, `${field}[${JSON.stringify(model)}]`);
  }
}

const tokenPrices = {
  input: checkAmount,
  cacheWrite5m: checkAmount,
  cacheWrite1h: checkAmount,
  cacheRead: checkAmount,
  output: checkAmount,
};

function checkPrice(value: unknown, field: string): void {
  checkComplete(value, field, { needed: tokenPrices, others: { longPrompt: checkLongPrompt } });
}

function checkLongPrompt(value: unknown, field: string): void {
  checkComplete(value, field, { needed: { ...tokenPrices, aboveTokens: numberFrom(1) } });
}

/** All of `needed` are there. */
function checkComplete(
  value: unknown,
  field: string,
  { needed, others = {} }: { needed: Checks; others?: Checks },
): void {
  checkFields(value, field, { ...needed, ...others });
  const missing = Object.keys(needed).find((name) => !Object.hasOwn(value as object, name));
  if (missing !== undefined) throw new AccessOptionError(`${field}.${missing}`, 'is missing');
}

function checkSession(value: unknown, field: string): void {
  if (value === false) return;
  checkFields(value, field, { maxAgeMs: numberFrom(1000) });
  if (!Number.isFinite((value as { maxAgeMs?: number }).maxAgeMs))
    throw new AccessOptionError(`${field}.maxAgeMs`, 'must be a number of milliseconds');
}

function checkDuplicates(keys: readonly RelayKey[]): void {
  for (const name of ['id', 'secret'] as const) {
    const seen = new Map<string, number>();
    for (const [index, key] of keys.entries()) {
      const before = seen.get(key[name]);
      if (before !== undefined)
        throw new AccessOptionError(`access.keys[${index}].${name}`, `is that of access.keys[${before}] too`);
      seen.set(key[name], index);
    }
  }
}

/** What is fine by itself and not beside the rest. */
function checkTogether({ keys, origins = [], hosts = [], session }: AccessOptions): void {
  const needsKeys = 'needs access.keys: without them the relay serves this machine alone';
  if (keys === undefined && hosts.length > 0) throw new AccessOptionError('access.hosts', needsKeys);
  if (keys === undefined && session) throw new AccessOptionError('access.session', needsKeys);
  const star = origins.indexOf('*');
  if (star < 0) return;
  if (keys === undefined) throw new AccessOptionError(`access.origins[${star}]`, needsKeys);
  if (session !== false)
    throw new AccessOptionError(
      `access.origins[${star}]`,
      '"*" lets every page in, and cookies would go with it: set access.session to false, or list the origins',
    );
}

/** Every field is known, and right by its check. */
function checkFields(value: unknown, field: string, checks: Checks): void {
  for (const [name, each] of Object.entries(checkedObject(value, field))) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined)
      throw new AccessOptionError(
        `${field}.${name}`,
        `is not known; there are ${Object.keys(checks).join(', ')}`,
      );
    if (each !== undefined) check(each, `${field}.${name}`);
  }
}

function checkedObject(value: unknown, field: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AccessOptionError(field, `must be an object, not ${said(value)}`);
  return value;
}

function listOf(check: Check, atLeast = 0): Check {
  return (value, field) => {
    if (!Array.isArray(value)) throw new AccessOptionError(field, `must be a list, not ${said(value)}`);
    if (value.length < atLeast)
      throw new AccessOptionError(field, 'is an empty list: leave it out, or say one at least');
    for (const [index, each] of value.entries()) check(each, `${field}[${index}]`);
  };
}

function numberFrom(least: number): Check {
  return (value, field) => {
    if (value === Infinity || (Number.isSafeInteger(value) && (value as number) >= least)) return;
    throw new AccessOptionError(field, `must be a whole number from ${least} on, not ${said(value)}`);
  };
}

function checkAmount(value: unknown, field: string): void {
  if (typeof value !== 'number' || !(value >= 0))
    throw new AccessOptionError(field, `must be an amount, 0 or more, not ${said(value)}`);
}

function checkBoolean(value: unknown, field: string): void {
  if (typeof value !== 'boolean')
    throw new AccessOptionError(field, `must be true or false, not ${said(value)}`);
}

function checkText(value: unknown, field: string): void {
  if (typeof value !== 'string' || value === '')
    throw new AccessOptionError(field, `must be a string that is not empty, not ${said(value)}`);
}

function matching(
  value: unknown,
  field: string,
  { pattern, wanted }: { pattern: RegExp; wanted: string },
): void {
  if (typeof value !== 'string' || !pattern.test(value))
    throw new AccessOptionError(field, `must be ${wanted}, not ${said(value)}`);
}

/** A list or an object may hold anything. */
function said(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return JSON.stringify(value) ?? String(value);
}
