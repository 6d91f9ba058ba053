// reliability, section 4, the row “Auth”: tokens of an application. They are signed here by other code than checks them.

import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import type { AccessOptions, PublicJwk, TokenKey, TokenRules } from 'millrace/relay';
import { startSimulator } from 'millrace/simulator';
import type { TestRelay } from '../../support/relay.ts';
import { ann, ask, boss, cookieOf, json, post, question, startKeyedRelay } from './keyed-relay.ts';

const noon = Date.UTC(2026, 0, 1, 12);
const seconds = noon / 1000;
const secret = 'application-0123456789-abcdefghijkl';

const pairs = {
  EdDSA: generateKeyPairSync('ed25519'),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const jwkOf = (key: KeyObject): PublicJwk => key.export({ format: 'jwk' }) as unknown as PublicJwk;

const shared: TokenKey = { id: 'shared', algorithm: 'HS256', secret };
const keys: readonly TokenKey[] = [
  shared,
  { id: 'ed', algorithm: 'EdDSA', publicKey: jwkOf(pairs.EdDSA.publicKey) },
  { id: 'ed25519', algorithm: 'Ed25519', publicKey: jwkOf(pairs.EdDSA.publicKey) },
  { id: 'ec', algorithm: 'ES256', publicKey: jwkOf(pairs.ES256.publicKey) },
  { id: 'rsa', algorithm: 'RS256', publicKey: { ...jwkOf(pairs.RS256.publicKey), use: 'enc' } as PublicJwk },
];
const tokens: TokenRules = { issuer: 'https://app.example', audience: 'relay', keys };

const claims = { iss: 'https://app.example', aud: 'relay', sub: 'auth0|carl', exp: seconds + 600 };

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const hmac = (said: string, key: string | Buffer): string =>
  createHmac('sha256', key).update(said).digest('base64url');

/** With a header and claims beside the usual ones, or in their place. */
function hs256(more: object = {}, header: object = {}, key: string | Buffer = secret): string {
  const said = `${encode({ alg: 'HS256', kid: 'shared', ...header })}.${encode({ ...claims, ...more })}`;
  return `${said}.${hmac(said, key)}`;
}

const signers: Readonly<Record<keyof typeof pairs, (said: Buffer) => Buffer>> = {
  EdDSA: (said) => sign(null, said, pairs.EdDSA.privateKey),
  ES256: (said) => sign('sha256', said, { key: pairs.ES256.privateKey, dsaEncoding: 'ieee-p1363' }),
  RS256: (said) => sign('sha256', said, pairs.RS256.privateKey),
};

function signed(algorithm: keyof typeof pairs, kid: string, alg: string = algorithm): string {
  const said = `${encode({ alg, kid, typ: 'JWT' })}.${encode(claims)}`;
  return `${said}.${signers[algorithm](Buffer.from(said)).toString('base64url')}`;
}

const bearer = (token: string) => ({ ...json, authorization: `Bearer ${token}` });

async function withRelay(
  use: (relay: TestRelay, setTime: (time: number) => void) => Promise<void>,
  access: AccessOptions = {},
): Promise<void> {
  await using upstream = await startSimulator({ speed: 0 });
  let time = noon;
  await using relay = await startKeyedRelay(upstream.url, { tokens, ...access }, { now: () => time });
  await use(relay, (at) => void (time = at));
  assert.deepEqual(relay.errors, []);
}

const statusOf = async ({ url }: TestRelay, headers: object): Promise<number> => {
  const response = await fetch(`${url}/conversations`, { headers: headers as Record<string, string> });
  await response.text();
  return response.status;
};

test('Tokens: one of each algorithm is taken, with its audience among others, and with a clock a minute off', async () => {
  await withRelay(async (relay) => {
    const good: readonly (readonly [what: string, token: string])[] = [
      ['HS256', hs256()],
      ['EdDSA', signed('EdDSA', 'ed')],
      ['EdDSA, by its newer name', signed('EdDSA', 'ed', 'Ed25519')],
      ['a key by that name', signed('EdDSA', 'ed25519', 'Ed25519')],
      ['a key by that name, and a token by the other', signed('EdDSA', 'ed25519')],
      ['ES256', signed('ES256', 'ec')],
      ['RS256', signed('RS256', 'rsa')],
      ['several audiences', hs256({ aud: ['other', 'relay'] })],
      ['just run out', hs256({ exp: seconds - 59 })],
      ['about to begin', hs256({ nbf: seconds + 59, iat: seconds + 59 })],
      ['another type', hs256({}, { typ: 'at+jwt' })],
    ];
    for (const [what, token] of good) {
      assert.equal(await statusOf(relay, bearer(token)), 200, what);
      assert.equal(await statusOf(relay, { 'x-api-key': token }), 200, what);
    }
  });
});

test('Tokens: what is wrong with one is a 401, whatever it is, and the same one', async () => {
  const [head = '', body = '', signature = ''] = hs256().split('.');
  const rsaPublic = pairs.RS256.publicKey.export({ type: 'spki', format: 'pem' });
  const unsigned = encode({ alg: 'none', kid: 'shared' });
  const bytes = (text: string): string => Buffer.from(text, 'latin1').toString('base64url');
  const bad: readonly (readonly [what: string, token: string])[] = [
    ['alg none, without a signature', `${unsigned}.${body}.`],
    ['alg none, with one', `${unsigned}.${body}.${signature}`],
    ['alg None', hs256({}, { alg: 'None' })],
    ['a public key as the secret', hs256({}, { kid: 'rsa' }, rsaPublic)],
    ['a public key as the secret, for its algorithm', hs256({}, { alg: 'RS256', kid: 'rsa' }, rsaPublic)],
    ['an algorithm that is not the key’s', hs256({}, { alg: 'HS512' })],
    ['the name of a curve, for a secret', hs256({}, { alg: 'Ed25519' })],
    ['another curve', signed('EdDSA', 'ed', 'Ed448')],
    ['a curve in other letters', signed('EdDSA', 'ed', 'ed25519')],
    ['another key’s signature', signed('ES256', 'rsa')],
    ['an unknown kid', hs256({}, { kid: 'other' })],
    ['no kid', hs256({}, { kid: undefined })],
    ['a kid that every object has', hs256({}, { kid: 'constructor' })],
    ['another secret', hs256({}, {}, `${secret}x`)],
    ['an extension that must be understood', hs256({}, { crit: ['exp'] })],
    ['its claims changed', `${head}.${encode({ ...claims, sub: 'root' })}.${signature}`],
    ['its header changed', `${encode({ alg: 'HS256', kid: 'shared', x: 1 })}.${body}.${signature}`],
    [
      'its signature changed',
      `${head}.${body}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`,
    ],
    ['its signature cut', `${head}.${body}.${signature.slice(0, -2)}`],
    ['padding', `${head}.${body}.${signature}=`],
    ['two parts', `${head}.${body}`],
    ['five parts', `${head}.${body}.${signature}.x.y`],
    ['another issuer', hs256({ iss: 'https://evil.example' })],
    ['another audience', hs256({ aud: 'other' })],
    ['no audience', hs256({ aud: undefined })],
    ['an audience that only begins alike', hs256({ aud: ['relay2'] })],
    ['run out', hs256({ exp: seconds - 60 })],
    ['no end', hs256({ exp: undefined })],
    ['an end that is no number', hs256({ exp: String(seconds + 600) })],
    ['not yet', hs256({ nbf: seconds + 61 })],
    ['made in the future', hs256({ iat: seconds + 61 })],
    ['nobody’s', hs256({ sub: undefined })],
    ['an owner without a name', hs256({ sub: '' })],
    ['an owner with a line break', hs256({ sub: 'a\nb' })],
    ['an owner of many letters', hs256({ sub: 'x'.repeat(129) })],
    ['an owner who has a key', hs256({ sub: 'ann' })],
    ['an operator', hs256({ sub: boss.id })],
    ['a list of owners', hs256({ sub: ['carl'] })],
    ['claims that are a list', `${head}.${encode([])}.${hmac(`${head}.${encode([])}`, secret)}`],
    ['claims that are no JSON', `${head}.${bytes('{')}.${hmac(`${head}.${bytes('{')}`, secret)}`],
    ['claims that are no UTF-8', `${head}.${bytes('{"a":"\xff"}')}.${signature}`],
    ['far too long', hs256({ x: 'x'.repeat(5000) })],
  ];
  await withRelay(async (relay) => {
    const said = new Set<string>();
    for (const [what, token] of bad) {
      const response = await fetch(`${relay.url}/conversations`, { headers: bearer(token) });
      const { error } = (await response.json()) as { error: { message: string } };
      said.add(error.message);
      assert.equal(response.status, 401, what);
      const asCookie = await statusOf(relay, { cookie: `millrace_session=${token}` });
      assert.equal(asCookie, 401, `${what}, as a cookie`);
      const session = await post(`${relay.url}/session`, { token }, { ...json, origin: relay.url });
      assert.deepEqual([session.status, session.headers.get('set-cookie')], [401, null], what);
    }
    assert.equal(said.size, 1);
  });
});

test('Tokens: who comes by one is an owner like others, in pages alone, and no operator', async () => {
  await withRelay(
    async (relay) => {
      const { url } = relay;
      const carl = bearer(hs256({ operator: true }));
      const dora = bearer(hs256({ sub: 'dora' }));
      const id = (await post(`${url}/streams`, question('echo hi'), carl)).headers.get('x-stream-id') ?? '';
      const read = (headers: Record<string, string>) => fetch(`${url}/streams/${id}`, { headers });
      assert.deepEqual(
        await Promise.all(
          [carl, dora, { 'x-api-key': ann.secret }, { 'x-api-key': boss.secret }].map(
            async (headers) => (await read(headers)).status,
          ),
        ),
        [200, 404, 404, 200],
      );
      const body = { model: 'claude-sonnet-5', max_tokens: 9, ...question('x') };
      assert.equal((await post(`${url}/v1/messages`, body, carl)).status, 401);
      assert.equal((await fetch(`${url}/v1/models`, { headers: carl })).status, 401);
      assert.equal((await fetch(`${url}/metrics`, { headers: carl })).status === 200, false);
      const tools = await post(`${url}/streams`, question('x', { tools: [] }), carl);
      assert.equal(tools.status, 400, 'the rules of pages hold');
      for (const status of [202, 202, 429])
        assert.equal((await post(`${url}/streams`, question('echo hi'), dora)).status, status);
    },
    { limits: { requestsPerMinute: 2 } },
  );
});

test('Tokens: a page without headers of its own signs in with one, for as long as that is good, and out again', async () => {
  await withRelay(async (relay, setTime) => {
    const origin = { ...json, origin: relay.url };
    const token = hs256();
    const response = await post(`${relay.url}/session`, { token }, origin);
    assert.deepEqual(await response.json(), { id: 'auth0|carl', maxAgeMs: 660_000 });
    assert.match(response.headers.get('set-cookie') ?? '', /; Max-Age=660; HttpOnly; SameSite=Strict$/);
    const cookie = cookieOf(response);
    assert.equal(await statusOf(relay, { cookie }), 200);
    const url = `${relay.url}/streams`;
    const body = JSON.stringify(question('echo hi'));
    const statuses = [
      { cookie, ...json },
      { cookie, ...origin },
    ].map(async (headers) => (await ask(url, { method: 'POST', headers, body })).status);
    assert.deepEqual(await Promise.all(statuses), [403, 202], 'only from a page of this origin');
    assert.equal((await fetch(`${relay.url}/v1/models`, { headers: { cookie } })).status, 401);
    setTime(noon + 659_000);
    assert.equal(await statusOf(relay, { cookie }), 200);
    setTime(noon + 660_000);
    assert.equal(await statusOf(relay, { cookie }), 401);
    setTime(noon);
    await fetch(`${relay.url}/session`, { method: 'DELETE', headers: { ...origin, cookie } });
    assert.deepEqual([await statusOf(relay, { cookie }), await statusOf(relay, bearer(token))], [401, 401]);
    assert.equal(await statusOf(relay, bearer(hs256({ jti: 'another' }))), 200);
    for (const wrong of [{ token: 1 }, { token, key: ann.secret }, {}, { token, more: 1 }])
      assert.equal((await post(`${relay.url}/session`, wrong, origin)).status, 400, JSON.stringify(wrong));
    relay.relay.reload({ keys: [ann], tokens, session: false });
    const again = hs256({ jti: 'yet another' });
    assert.equal((await post(`${relay.url}/session`, { token: again }, origin)).status, 404);
    assert.deepEqual(
      [await statusOf(relay, { cookie: `millrace_session=${again}` }), await statusOf(relay, bearer(again))],
      [401, 200],
    );
  });
});

test('Tokens: keys are changed one for the other while the relay runs, and a key of the same name is another one', async () => {
  await withRelay(async (relay) => {
    const other = 'application-9876543210-abcdefghijkl';
    const [before, after] = [hs256(), hs256({}, { kid: 'next' }, other)];
    const take = (...taken: TokenKey[]): void =>
      relay.relay.reload({ keys: [ann], tokens: { ...tokens, keys: taken } });
    const both = async () => [await statusOf(relay, bearer(before)), await statusOf(relay, bearer(after))];
    const next: TokenKey = { id: 'next', algorithm: 'HS256', secret: other };
    assert.deepEqual(await both(), [200, 401]);
    take(shared, next);
    assert.deepEqual(await both(), [200, 200]);
    take(next);
    assert.deepEqual(await both(), [401, 200]);
    take({ ...next, id: 'shared' });
    assert.deepEqual(await both(), [401, 401]);
    relay.relay.reload({ keys: [ann] });
    assert.deepEqual(await both(), [401, 401]);
  });
});

test('Tokens: rules that are wrong or not safe are refused at the start, with their place', async () => {
  const ed = keys[1]!;
  const jwk = jwkOf(pairs.EdDSA.publicKey);
  const small = jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
  const withKey = (...list: unknown[]): AccessOptions =>
    ({ keys: [ann], tokens: { ...tokens, keys: list } }) as AccessOptions;
  const wrong: readonly (readonly [access: AccessOptions, field: string, reason: RegExp])[] = [
    [{ keys: undefined, tokens }, 'access.tokens', /needs access\.keys/],
    [withKey(), 'access.tokens.keys', /empty list/],
    [withKey({ ...shared, secret: 'short' }), 'access.tokens.keys[0].secret', /32 to 512/],
    [withKey({ ...shared, secret: ann.secret }), 'access.tokens.keys[0].secret', /one of access\.keys/],
    [withKey(shared, shared), 'access.tokens.keys[1].id', /is that of access\.tokens\.keys\[0\] too/],
    [
      withKey({ ...shared, algorithm: 'none' }),
      'access.tokens.keys[0].algorithm',
      /HS256, Ed25519, EdDSA, ES256, RS256/,
    ],
    [withKey({ ...shared, algorithm: 'constructor' }), 'access.tokens.keys[0].algorithm', /must be one of/],
    [withKey({ ...shared, publicKey: jwk }), 'access.tokens.keys[0].publicKey', /is not known/],
    [withKey({ ...ed, secret }), 'access.tokens.keys[0].secret', /is not known/],
    [withKey({ ...ed, publicKey: { ...jwk, d: 'x' } }), 'access.tokens.keys[0].publicKey.d', /private key/],
    [withKey({ ...ed, publicKey: { ...jwk, crv: 'X25519' } }), 'access.tokens.keys[0].publicKey.crv', /not/],
    [withKey({ ...ed, algorithm: 'ES256' }), 'access.tokens.keys[0].publicKey.kty', /not/],
    [
      withKey({ id: 'r', algorithm: 'RS256', publicKey: small }),
      'access.tokens.keys[0].publicKey.n',
      /not that of a key/,
    ],
    [{ keys: [ann], tokens: { ...tokens, issuer: '' } }, 'access.tokens.issuer', /not empty/],
    [
      { keys: [ann], tokens: { issuer: 'a', keys } as unknown as TokenRules },
      'access.tokens.audience',
      /is missing/,
    ],
  ];
  for (const [access, field, reason] of wrong) {
    const start = async (): Promise<void> => {
      const relay = await startKeyedRelay('http://127.0.0.1:9', access);
      await relay[Symbol.asyncDispose]();
    };
    await assert.rejects(start, { name: 'AccessOptionError', field, reason }, field);
  }
});
