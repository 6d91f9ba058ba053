// What a configuration must be for the relay to start with it. The first fault is thrown, with its field and reason.

import { AccessOptionError } from './access-option-error.ts';
import {
  checkAmount,
  checkBoolean,
  checkComplete,
  checkedObject,
  checkFields,
  checkText,
  listOf,
  matching,
  numberFrom,
  said,
} from './check-fields.ts';
import type { Check } from './check-fields.ts';
import { checkTokens } from './check-tokens.ts';
import { checkSecret } from './check-secret.ts';
import type { AccessOptions, OwnerLimits, PageRules, RelayKey } from './access-options.ts';
import type { PriceTable } from './price-table.ts';

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
    tokens: checkTokens,
  } satisfies Record<keyof AccessOptions, Check>);
  checkDuplicates(options.keys ?? []);
  checkSecretsApart(options);
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

function checkSession(value: unknown, field: string): void {
  if (value === false) return;
  checkFields(value, field, { maxAgeMs: numberFrom(1000) });
  if (!Number.isFinite((value as { maxAgeMs?: number }).maxAgeMs))
    throw new AccessOptionError(`${field}.maxAgeMs`, 'must be a number of milliseconds');
}

/** Who signs tokens with a key of the relay could be anybody who has it. */
function checkSecretsApart({ keys = [], tokens }: AccessOptions): void {
  const secrets = new Set(keys.map(({ secret }) => secret));
  for (const [index, key] of (tokens?.keys ?? []).entries()) {
    if (key.algorithm === 'HS256' && secrets.has(key.secret))
      throw new AccessOptionError(
        `access.tokens.keys[${index}].secret`,
        'is that of one of access.keys: whoever has it could sign for everybody',
      );
  }
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
function checkTogether({ keys, origins = [], hosts = [], session, tokens }: AccessOptions): void {
  const needsKeys = 'needs access.keys: without them the relay serves this machine alone';
  if (keys === undefined && hosts.length > 0) throw new AccessOptionError('access.hosts', needsKeys);
  if (keys === undefined && session) throw new AccessOptionError('access.session', needsKeys);
  if (keys === undefined && tokens) throw new AccessOptionError('access.tokens', needsKeys);
  const star = origins.indexOf('*');
  if (star < 0) return;
  if (keys === undefined) throw new AccessOptionError(`access.origins[${star}]`, needsKeys);
  if (session !== false)
    throw new AccessOptionError(
      `access.origins[${star}]`,
      '"*" lets every page in, and cookies would go with it: turn sessions off, or list the origins',
    );
}
