// A configuration that is wrong, or not safe, is refused at the start, with its field and the reason.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRelay, publishedPrices } from 'millrace/relay';
import type { AccessOptions } from 'millrace/relay';
import { createNodeTransport } from 'millrace/client/node';
import { MemoryStreamLog } from 'millrace/storage';
import { ann, bob, upstreamKey } from './keyed-relay.ts';

function start(
  access: unknown,
  upstream: { apiKey?: string; isSimulator?: boolean } = { apiKey: upstreamKey },
) {
  return createRelay({
    upstream: { baseURL: 'http://127.0.0.1:9', transport: createNodeTransport(), ...upstream },
    log: new MemoryStreamLog(),
    settings: { simulated: false, version: '0.0.0', model: 'm', maxTokens: 1 },
    access: access as AccessOptions,
  });
}

const keys = [ann];
const prices = (model: unknown) => ({
  asOf: '2026-01-01',
  source: 'x',
  currency: 'USD',
  models: { m: model },
});
const price = { input: 1, cacheWrite5m: 1, cacheWrite1h: 1, cacheRead: 1, output: 1 };

const bad: readonly [access: unknown, field: string, reason: RegExp][] = [
  [5, 'access', /must be an object, not 5/],
  [{ key: [] }, 'access.key', /is not known; there are keys, origins/],
  [{ keys: {} }, 'access.keys', /must be a list, not an object/],
  [{ keys: [] }, 'access.keys', /is an empty list/],
  [{ keys: ['x'] }, 'access.keys[0]', /must be an object, not "x"/],
  [{ keys: [{ secret: ann.secret }] }, 'access.keys[0].id', /is missing/],
  [{ keys: [{ id: 'ann' }] }, 'access.keys[0].secret', /is missing/],
  [{ keys: [{ ...ann, id: 'a b' }] }, 'access.keys[0].id', /must be 1 to 64 letters/],
  [{ keys: [{ ...ann, id: '' }] }, 'access.keys[0].id', /must be 1 to 64 letters/],
  [
    { keys: [ann, { ...bob, secret: 'x'.repeat(31) }] },
    'access.keys[1].secret',
    /must have 32 to 512 characters, not 31/,
  ],
  [{ keys: [{ ...ann, secret: 'x'.repeat(40) }] }, 'access.keys[0].secret', /8 different characters/],
  [{ keys: [{ ...ann, secret: `${ann.secret}\n` }] }, 'access.keys[0].secret', /visible ASCII/],
  [{ keys: [{ ...ann, secret: `${ann.secret}ä` }] }, 'access.keys[0].secret', /visible ASCII/],
  [{ keys: [{ ...ann, secret: 5 }] }, 'access.keys[0].secret', /must be a string/],
  [{ keys: [{ ...ann, admin: true }] }, 'access.keys[0].admin', /is not known/],
  [{ keys: [{ ...ann, operator: 'no' }] }, 'access.keys[0].operator', /must be true or false, not "no"/],
  [{ keys: [{ ...ann, models: [] }] }, 'access.keys[0].models', /is an empty list/],
  [{ keys: [{ ...ann, models: ['m', 5] }] }, 'access.keys[0].models[1]', /must be a string/],
  [
    { keys: [{ ...ann, limits: { concurrent: 0 } }] },
    'access.keys[0].limits.concurrent',
    /whole number from 1/,
  ],
  [{ keys: [ann, { ...bob, id: 'ann' }] }, 'access.keys[1].id', /is that of access.keys\[0\] too/],
  [{ keys: [ann, { ...ann, id: 'bob' }] }, 'access.keys[1].secret', /is that of access.keys\[0\] too/],
  [
    {
      keys: [
        { ...ann, secret: upstreamKey.padEnd(40, 'x') },
        { id: 'b', secret: `${upstreamKey}abcdefgh` },
      ],
      limits: { queue: -1 },
    },
    'access.limits.queue',
    /from 0/,
  ],
  [{ keys, limits: { requestsPerMinute: 1.5 } }, 'access.limits.requestsPerMinute', /whole number/],
  [{ keys, limits: { tokensPerDay: '1000' } }, 'access.limits.tokensPerDay', /whole number/],
  [{ keys, limits: { costPerDay: -1 } }, 'access.limits.costPerDay', /0 or more/],
  [{ keys, limits: { costPerDay: Number.NaN } }, 'access.limits.costPerDay', /0 or more/],
  [{ keys, limits: { perDay: 1 } }, 'access.limits.perDay', /is not known/],
  [{ keys, origins: ['https://a.example/'] }, 'access.origins[0]', /must be an origin/],
  [{ keys, origins: ['a.example'] }, 'access.origins[0]', /must be an origin/],
  [{ keys, origins: ['null'] }, 'access.origins[0]', /must be an origin/],
  [{ keys, origins: ['https://*.example.com'] }, 'access.origins[0]', /must be an origin/],
  [{ keys, origins: ['HTTPS://A.example'] }, 'access.origins[0]', /must be an origin/],
  [{ keys, origins: ['https://a.example', '*'] }, 'access.origins[1]', /turn sessions off, or list/],
  [{ origins: ['*'] }, 'access.origins[0]', /needs access.keys/],
  [{ hosts: ['relay.example.com'] }, 'access.hosts', /needs access.keys/],
  [{ keys, hosts: ['https://relay.example.com'] }, 'access.hosts[0]', /must be a name such as/],
  [{ keys, hosts: ['*'] }, 'access.hosts[0]', /must be a name such as/],
  [{ session: { maxAgeMs: 60_000 } }, 'access.session', /needs access.keys/],
  [{ keys, session: true }, 'access.session', /must be an object, not true/],
  [{ keys, session: {} }, 'access.session.maxAgeMs', /must be a number/],
  [{ keys, session: { maxAgeMs: Infinity } }, 'access.session.maxAgeMs', /must be a number/],
  [{ keys, allow: { maxTokens: 0 } }, 'access.allow.maxTokens', /from 1/],
  [{ keys, allow: { urlHosts: ['10.0.0.1'] } }, 'access.allow.urlHosts[0]', /must be a public name/],
  [{ keys, allow: { urlHosts: ['localhost'] } }, 'access.allow.urlHosts[0]', /must be a public name/],
  [{ keys, allow: { images: 1 } }, 'access.allow.images', /true or false/],
  [{ keys, prices: { ...prices(price), asOf: 'today' } }, 'access.prices.asOf', /a day as/],
  [{ keys, prices: { models: {} } }, 'access.prices.asOf', /is missing/],
  [{ keys, prices: prices({ input: 1 }) }, 'access.prices.models["m"].cacheWrite5m', /is missing/],
  [{ keys, prices: prices({ ...price, output: '1' }) }, 'access.prices.models["m"].output', /an amount/],
  [
    { keys, prices: prices({ ...price, longPrompt: { ...price } }) },
    'access.prices.models["m"].longPrompt.aboveTokens',
    /is missing/,
  ],
];

test('a relay does not start with access that is wrong, and says which field and why', () => {
  for (const [access, field, reason] of bad) {
    assert.throws(
      () => start(access),
      (error: Error & { field?: string; reason?: string }) => {
        assert.equal(error.name, 'AccessOptionError');
        assert.deepEqual([error.field, error.message], [field, `${field}: ${error.reason}`]);
        assert.match(error.reason ?? '', reason);
        return true;
      },
      JSON.stringify(access),
    );
  }
});

test('a relay with keys does not start where a key of a client would go to upstream, or upstream’s to a client', () => {
  assert.throws(() => start({ keys }, {}), { field: 'upstream.apiKey' });
  assert.throws(() => start({ keys }, { apiKey: ann.secret }), { field: 'access.keys[0].secret' });
  assert.equal(start({ keys }, { isSimulator: true }).hasKeys, true);
});

test('no secret is in what a refusal says', () => {
  for (const [access] of bad) {
    try {
      start(access);
    } catch (error) {
      for (const secret of [ann.secret, bob.secret, upstreamKey, 'x'.repeat(31)])
        assert.ok(!`${String(error)}${(error as Error).stack}`.includes(secret), String(error));
    }
  }
});

test('a relay starts with everything that access can say', () => {
  const access: AccessOptions = {
    keys: [{ ...ann, operator: true, limits: { concurrent: 1, costPerDay: 0.5 }, models: ['m'] }, bob],
    origins: ['https://a.example', 'http://localhost:5173'],
    hosts: ['relay.example.com', 'relay.example.com:8443', '[2001:db8::1]:80', '10.0.0.1'],
    allow: { models: ['m'], maxTokens: 100, fields: ['system'], urlHosts: ['a.example.com'], images: true },
    limits: {
      queue: 0,
      waitMs: 0,
      requestsPerMinute: 60,
      tokensPerDay: Infinity,
      readers: 3,
      readersPerStream: undefined,
    },
    prices: publishedPrices,
    session: { maxAgeMs: 60_000 },
  };
  assert.equal(start(access).hasKeys, true);
  assert.equal(start({ keys, origins: ['*'], session: false }).hasKeys, true);
  assert.equal(start({ allow: {}, origins: ['http://localhost:5173'], session: false }).hasKeys, false);
  assert.equal(start(undefined).hasKeys, false);
});

test('the prices of the package have a day, a source and every figure', () => {
  assert.match(publishedPrices.asOf, /^20\d\d-\d\d-\d\d$/);
  assert.match(publishedPrices.source, /^https:\/\/platform\.claude\.com\//);
  assert.equal(start({ keys, prices: publishedPrices }).hasKeys, true, 'they pass the check of any others');
  assert.ok(Object.keys(publishedPrices.models).length > 10);
});
