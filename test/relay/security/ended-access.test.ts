// reliability, section 4, the rows “Auth” and “Authorisation”: who may not read any more is told so at once, and others read
// on, also of the same owner.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { RelayTelemetry } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';
import type { StreamState } from 'millrace/storage';
import { startHeldUpstream } from '../../support/held-upstream.ts';
import type { TestRelay } from '../../support/relay.ts';
import { turnsUntil } from '../../support/turns.ts';
import {
  ann,
  as,
  bob,
  boss,
  cookieOf,
  json,
  post,
  question,
  signIn,
  startKeyedRelay,
} from './keyed-relay.ts';

const formats = ['messages', 'text', 'ui', 'ndjson', 'log'] as const;
const said = /"access_ended"|signed out/;
const secret = 'application-0123456789-abcdefghijkl';
const tokens = {
  issuer: 'app',
  audience: 'relay',
  keys: [{ id: 'k', algorithm: 'HS256', secret }],
} as const;

function token(): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'app', aud: 'relay', sub: 'carl', exp: Date.now() / 1000 + 600 };
  const text = `${encode({ alg: 'HS256', kid: 'k' })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

type Headers = Record<string, string>;

const read = ({ url }: TestRelay, path: string, headers: Headers): Promise<Response> =>
  fetch(`${url}/streams/${path}`, { headers: { accept: 'text/event-stream', ...headers } });

async function begin({ url }: TestRelay, headers: Headers): Promise<string> {
  const response = await post(`${url}/streams`, question('x'), { ...json, ...headers });
  assert.equal(response.status, 202);
  return response.headers.get('x-stream-id') ?? '';
}

const signOut = ({ url }: TestRelay, cookie: string): Promise<Response> =>
  fetch(`${url}/session`, { method: 'DELETE', headers: { cookie, origin: url } });

/** Everything that is said from now on, as one text. */
const textsOf = (responses: readonly Response[]): Promise<string[]> =>
  Promise.all(responses.map((response) => response.text()));

test('Ended access: a key that is no operator any more reads on what is its own, and of others nothing, in any format', async () => {
  const ended: string[] = [];
  const telemetry: RelayTelemetry[] = [{ readerEnded: (outcome) => void ended.push(outcome) }];
  await using held = await startHeldUpstream();
  await using relay = await startKeyedRelay(held.server.url, {}, { telemetry });
  const [foreign, own] = [await begin(relay, as(ann)), await begin(relay, as(boss))];
  const reading = await Promise.all(
    formats.map((format) => read(relay, `${foreign}?format=${format}`, as(boss))),
  );
  const left = [await read(relay, own, as(boss)), await read(relay, foreign, as(ann))];
  relay.relay.reload({ keys: [ann, bob, { ...boss, operator: false }] });
  for (const [index, text] of (await textsOf(reading)).entries()) assert.match(text, said, formats[index]);
  assert.equal((await read(relay, foreign, as(boss))).status, 404);
  assert.deepEqual(
    ended,
    formats.map(() => 'access_ended'),
  );
  held.goOn();
  for (const text of await textsOf(left)) assert.match(text, /and half[^]*message_stop/);
  assert.deepEqual(relay.errors, []);
});

test('Ended access: what is read by a session ends with it, and with no other one of the same key', async () => {
  await using held = await startHeldUpstream();
  await using relay = await startKeyedRelay(held.server.url, { limits: { readersPerStream: 9 } });
  const [cookie, other] = [await signIn(relay, ann), await signIn(relay, ann)];
  const origin = { origin: relay.url };
  const id = await begin(relay, { cookie, ...origin });
  const reading = await Promise.all(
    formats.map((format) => read(relay, `${id}?format=${format}`, { cookie })),
  );
  const headers = { ...json, cookie, ...origin, accept: 'text/event-stream' };
  reading.push(await post(`${relay.url}/streams`, question('x'), headers));
  const left = [await read(relay, id, { cookie: other }), await read(relay, id, as(ann))];
  await signOut(relay, `${cookie}x`);
  await signOut(relay, cookie);
  for (const text of await textsOf(reading)) assert.match(text, said);
  assert.equal((await read(relay, id, { cookie })).status, 401);
  held.goOn();
  for (const text of await textsOf(left)) assert.match(text, /and half[^]*message_stop/);
  assert.deepEqual(relay.errors, []);
});

test('Ended access: what is read by a token ends when that is signed out, however it was shown', async () => {
  await using held = await startHeldUpstream();
  await using relay = await startKeyedRelay(held.server.url, { tokens });
  const bearer = { authorization: `Bearer ${token()}` };
  const id = await begin(relay, bearer);
  const session = await post(
    `${relay.url}/session`,
    { token: bearer.authorization.slice(7) },
    { ...json, origin: relay.url },
  );
  const cookie = cookieOf(session);
  const reading = [await read(relay, id, bearer), await read(relay, id, { cookie })];
  await signOut(relay, cookie);
  for (const text of await textsOf(reading)) assert.match(text, said);
  assert.equal((await read(relay, id, bearer)).status, 401);
});

/** Holds who looks for a stream. */
class HeldLog extends MemoryStreamLog {
  looking = 0;
  gate = Promise.resolve();

  override async state(id: string): Promise<StreamState | undefined> {
    this.looking += 1;
    await this.gate;
    return super.state(id);
  }
}

test('Ended access: who asked before it ended, and is answered after, reads nothing', async () => {
  await using held = await startHeldUpstream();
  const log = new HeldLog();
  await using relay = await startKeyedRelay(held.server.url, {}, { log });
  const cookie = await signIn(relay, ann);
  const [own, foreign] = [await begin(relay, as(ann)), await begin(relay, as(bob))];
  const { promise, resolve } = Promise.withResolvers<void>();
  log.gate = promise;
  log.looking = 0;
  const asked = [
    read(relay, own, { cookie }),
    read(relay, foreign, as(boss)),
    read(relay, own, as(ann)),
    read(relay, foreign, as(bob)),
  ];
  await turnsUntil(() => log.looking === asked.length);
  await signOut(relay, cookie);
  relay.relay.reload({ keys: [ann, { ...boss, operator: false }] });
  resolve();
  const codes: unknown[] = [];
  for (const response of (await Promise.all(asked)).with(2, Response.json({ error: {} }))) {
    const { error } = (await response.json()) as { error: { details?: { code: string } } };
    codes.push([response.status, error.details?.code]);
  }
  assert.deepEqual(codes, [
    [401, 'access_ended'],
    [401, 'access_ended'],
    [200, undefined],
    [401, 'key_removed'],
  ]);
  const last = await asked[2];
  assert.equal(last?.status, 200, 'who asked by the key itself');
  await last.body?.cancel();
});
