// reliability, section 4, the row “Quotas”: a relay that begins anew, however the one before ended, counts on.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryQuotas } from 'millrace/storage';
import type { QuotaStore } from 'millrace/storage';
import { accessRules } from '../../../src/relay/access/access-rules.ts';
import { OwnerAccounts } from '../../../src/relay/access/owner-accounts.ts';
import { startProgram } from '../../support/program.ts';
import { startRawServer, streamResponse } from '../../support/raw-server.ts';
import type { TestRelay } from '../../support/relay.ts';
import { storeIsGone, storeWith } from '../../support/stream-log.ts';
import { messageStart, sse, textEvents } from '../../support/streams.ts';
import { turnsUntil } from '../../support/turns.ts';
import { createBillingUpstream } from './billing-upstream.ts';
import type { Plan } from './billing-upstream.ts';
import { ann, as, post, question, startKeyedRelay } from './keyed-relay.ts';

const noon = Date.UTC(2026, 0, 1, 12);
const day = Math.floor(noon / 86_400_000);
const whole = { model: 'claude-sonnet-5', max_tokens: 1000, ...question('x') };
const stream = { ...whole, stream: true };
const plain: Plan = { inputShare: 0, texts: [{ text: 'x'.repeat(400), share: 0.25 }] };

function startRelay(
  quotas: QuotaStore,
  {
    planOf = () => plain,
    tokensPerDay = 100_000,
    now = noon,
  }: { planOf?: () => Plan; tokensPerDay?: number; now?: number } = {},
): Promise<TestRelay & { bill: { tokens: number; requests: number } }> {
  const { bill, transport } = createBillingUpstream(planOf);
  const limits = { tokensPerDay, concurrent: 10 };
  const options = { now: () => now, upstream: { transport }, quotas };
  return startKeyedRelay('http://127.0.0.1:9', { limits }, options).then((relay) =>
    Object.assign(relay, { bill }),
  );
}

const tokensOf = ({ relay }: TestRelay): number =>
  relay.usage().find(({ owner }) => owner === 'ann')?.tokens ?? 0;

const isIdle = ({ relay }: TestRelay) => relay.usage().every(({ running }) => running === 0);

test('Kept quotas: a relay that was closed leaves exactly what was taken, and the next one counts on until the next day', async () => {
  const quotas = new MemoryQuotas();
  let taken = 0;
  {
    await using relay = await startRelay(quotas);
    for (const body of [whole, stream]) await (await post(`${relay.url}/v1/messages`, body, as(ann))).text();
    await turnsUntil(() => isIdle(relay));
    taken = relay.bill.tokens;
    assert.deepEqual([taken, tokensOf(relay)], [208, 208]);
  }
  assert.equal((await quotas.taken(day)).get('ann')?.tokens, taken);
  {
    await using relay = await startRelay(quotas, { tokensPerDay: taken });
    assert.equal(tokensOf(relay), taken, 'known before anybody asks');
    const refused = await post(`${relay.url}/v1/messages`, whole, as(ann));
    assert.equal(refused.status, 429);
    assert.match(await refused.text(), /quota_exceeded/);
    assert.equal(relay.bill.requests, 0);
  }
  await using relay = await startRelay(quotas, { tokensPerDay: taken, now: noon + 86_400_000 });
  assert.equal((await post(`${relay.url}/v1/messages`, whole, as(ann))).status, 200);
});

test('Kept quotas: upstream is asked when what it may charge is kept, and not before', async () => {
  for (const body of [whole, stream]) {
    const written = Promise.withResolvers<void>();
    const kept: number[] = [];
    const quotas = new MemoryQuotas();
    const gated: QuotaStore = {
      taken: (of) => quotas.taken(of),
      put: async (of, taken) => {
        kept.push(taken.get('ann')?.tokens ?? 0);
        await written.promise;
        await quotas.put(of, taken);
      },
    };
    await using relay = await startRelay(gated);
    const asked = post(`${relay.url}/v1/messages`, body, as(ann));
    await turnsUntil(() => kept.length === 1);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    assert.equal(relay.bill.requests, 0);
    // The request itself, and all of max_tokens.
    assert.ok(kept[0]! >= 1000 + JSON.stringify(body).length, `${kept[0]}`);
    written.resolve();
    assert.equal((await asked).status, 200);
    await (await asked).text();
  }
});

test('Kept quotas: at every moment of a long answer as much is kept as upstream has charged, by a few writes', async () => {
  const quotas = new MemoryQuotas();
  let writes = 0;
  const counting: QuotaStore = {
    taken: (of) => quotas.taken(of),
    put: async (of, taken) => {
      writes += 1;
      await new Promise(setImmediate);
      await quotas.put(of, taken);
    },
  };
  const texts = Array.from({ length: 400 }, () => ({ text: 'x'.repeat(100), share: 1 }));
  const planOf = (): Plan => ({ inputShare: 0.5, texts });
  await using relay = await startRelay(counting, { planOf });
  const response = await post(`${relay.url}/v1/messages`, { ...stream, max_tokens: 60_000 }, as(ann));
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    const { tokens = 0 } = (await quotas.taken(day)).get('ann') ?? {};
    assert.ok(tokens >= relay.bill.tokens, `${tokens} of ${relay.bill.tokens}`);
  }
  assert.ok(relay.bill.tokens > 40_000 && bytes > 40_000);
  assert.ok(writes >= 10 && writes <= 2 + 40_000 / 2048, `${writes}`);
});

test('Kept quotas: where the store fails upstream is asked for nothing, and asked again when it works', async () => {
  const quotas = new MemoryQuotas();
  let isBroken: 'taken' | 'put' | undefined = 'taken';
  let code = 'disk_io';
  const breaking: QuotaStore = {
    taken: (of) => (isBroken === 'taken' ? Promise.reject(new Error('gone')) : quotas.taken(of)),
    put: (of, taken) =>
      isBroken === 'put' ? Promise.reject(Object.assign(new Error('gone'), { code })) : quotas.put(of, taken),
  };
  await quotas.put(day, new Map([['ann', { tokens: 99_000, cost: 0 }]]));
  await using relay = await startRelay(breaking);
  const statusOf = async (body: object): Promise<number> => {
    const response = await post(`${relay.url}/v1/messages`, body, as(ann));
    await response.text();
    return response.status;
  };
  assert.deepEqual([await statusOf(whole), await statusOf(stream)], [500, 500]);
  isBroken = 'put';
  assert.deepEqual([await statusOf(whole), await statusOf(stream)], [500, 500]);
  code = 'disk_full';
  assert.deepEqual([await statusOf(whole), await statusOf(stream)], [507, 507]);
  assert.equal(relay.bill.requests, 0);
  assert.match(String(relay.errors[0]), /Cannot read what owners have taken/);
  isBroken = undefined;
  await turnsUntil(() => isIdle(relay));
  assert.equal(await statusOf(stream), 200);
  await turnsUntil(() => isIdle(relay));
  assert.equal(tokensOf(relay), 99_000 + relay.bill.tokens, 'what was taken before was added');
});

test('Kept quotas: what is taken over while the store cannot be read is no reason to refuse others when it can', async () => {
  const quotas = new MemoryQuotas();
  let isBroken = true;
  const rules = accessRules({ keys: [ann], limits: { tokensPerDay: 1_000_000, concurrent: 9 } });
  const accounts = new OwnerAccounts(() => rules, {
    now: () => noon,
    quotas: storeWith(quotas, { taken: (of) => (isBroken ? storeIsGone() : quotas.taken(of)) }),
  });
  await assert.rejects(async () => accounts.ready(), { code: 'storage_failed' });
  const left = accounts.takeOver('ann', JSON.stringify(stream));
  assert.ok(left !== undefined);
  await assert.rejects(left.beginRequest(left.prospect.bound), { code: 'storage_failed' });
  left.release();
  isBroken = false;
  await accounts.ready();
  const next = accounts.enter('ann', stream);
  await next.beginRequest(next.prospect.bound);
  assert.ok((await quotas.taken(day)).get('ann')!.tokens > 0);
  next.release();
  await accounts.close();
});

test('Kept quotas: a relay that is killed again and again does not get past the day', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-quotas-'));
  const charged = 3000;
  const said = sse(messageStart, ...textEvents(0, 'Half', ' and half').slice(0, 2));
  const begun = streamResponse(said.replace(/"input_tokens":\d+/, `"input_tokens":${charged}`));
  assert.ok(begun.includes(`"input_tokens":${charged}`));
  await using upstream = await startRawServer(() => ({ bytes: begun, then: 'hold' }));
  const tokensPerDay = 30_000;
  const env = {
    MILLRACE_ACCESS_KEYS: JSON.stringify([{ ...ann, limits: { tokensPerDay } }]),
    ANTHROPIC_API_KEY: 'sk-ant-upstream-0123456789',
    ANTHROPIC_BASE_URL: upstream.url,
  };
  const args = ['serve', '--port', '0', '--no-recover', '--store', `sqlite:${join(folder, 'relay.db')}`];
  const headers = { ...as(ann), accept: 'text/event-stream' };
  let lives = 0;
  for (let status = 200; status === 200; lives += 1) {
    assert.ok(lives < 12);
    await using program = await startProgram(args, { env });
    const response = await post(
      `${program.url}/streams`,
      { ...question('x'.repeat(3000)), max_tokens: 50 },
      headers,
    );
    ({ status } = response);
    if (status === 200) await readUntil(response, 'Half');
    else assert.match(await response.text(), /quota_exceeded/);
    program.signal('SIGKILL');
    await program.ended;
  }
  rmSync(folder, { recursive: true });
  // Of each life no more is left than the request could have taken, and its max_tokens.
  assert.ok(lives >= 6, `${lives}`);
  const most = tokensPerDay + charged;
  assert.ok(upstream.requests.length * charged <= most, `${upstream.requests.length} requests`);
});

/** And reads no more: the connection is about to break. */
async function readUntil(response: Response, wanted: string): Promise<void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; !text.includes(wanted);) text += (await reader.read()).value;
  await reader.cancel().catch(() => undefined);
}
