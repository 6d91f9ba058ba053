// reliability, section 4, the row “Quotas”: requests, tokens and cost of each owner, before an answer and during it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFetchHandler, publishedPrices } from 'millrace/relay';
import type { OwnerLimits, OwnerUsage } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';
import { accessRules } from '../../../src/relay/access/access-rules.ts';
import { OwnerAccounts } from '../../../src/relay/access/owner-accounts.ts';
import { IdleClock } from '../../support/idle-clock.ts';
import type { TestRelay } from '../../support/relay.ts';
import { turnsUntil } from '../../support/turns.ts';
import { createBillingUpstream } from './billing-upstream.ts';
import type { Bill, Plan } from './billing-upstream.ts';
import { ann, as, bob, json, post, question, signIn, startKeyedRelay } from './keyed-relay.ts';

const model = 'claude-sonnet-5';
const whole = { model, max_tokens: 1000, ...question('x') };
const stream = { ...whole, stream: true };
const plain = (text: string, count = 1): Plan => ({
  inputShare: 0,
  texts: Array.from({ length: count }, () => ({ text, share: 0.25 })),
});

async function limitOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { type: string; details?: { code: string } } };
  return [response.status, error.type, error.details?.code];
}

async function withLimits(
  limits: OwnerLimits,
  planOf: (request: number) => Plan,
  use: (context: {
    url: string;
    bill: Bill;
    setTime: (time: number) => void;
    relay: TestRelay;
  }) => Promise<void>,
): Promise<void> {
  let time = Date.UTC(2026, 0, 1, 12);
  const { bill, transport } = createBillingUpstream(planOf);
  await using relay = await startKeyedRelay(
    'http://127.0.0.1:9',
    { limits: { concurrent: Infinity, queue: 1000, ...limits } },
    {
      now: () => time,
      upstream: { transport },
      log: new MemoryStreamLog(),
    },
  );
  await use({ url: relay.url, bill, relay, setTime: (at) => void (time = at) });
}

test('Quotas: requestsPerMinute lets exactly so many through in any 60 seconds, with retry-after, for each owner', async () => {
  await withLimits(
    { requestsPerMinute: 3 },
    () => plain('x'),
    async ({ url, setTime }) => {
      const start = Date.UTC(2026, 0, 1, 12);
      const ask = async (seconds: number, path = '/v1/messages') => {
        setTime(start + seconds * 1000);
        const response = await post(url + path, path === '/streams' ? question('x') : whole, as(ann));
        await response.text();
        return [response.status, response.headers.get('retry-after')];
      };
      assert.deepEqual(await ask(0), [200, null]);
      assert.deepEqual(await ask(30, '/streams'), [202, null]);
      assert.deepEqual(await ask(59.5, '/v1/messages/count_tokens'), [200, null]);
      assert.deepEqual(await ask(59.9), [429, '1']);
      assert.deepEqual(await ask(60), [200, null]);
      assert.deepEqual(await ask(60, '/streams'), [429, '30']);
      assert.deepEqual(
        (await post(`${url}/v1/messages`, whole, as(bob))).status,
        200,
        'another owner has their own',
      );
      assert.deepEqual(await limitOf(await post(`${url}/streams`, question('x'), as(ann))), [
        429,
        'rate_limit_error',
        'too_many_requests',
      ]);
      assert.equal(
        (await fetch(`${url}/relay.json`, { headers: as(ann) })).status,
        200,
        'looking costs nothing',
      );
    },
  );
});

test('Quotas: requestsPerMinute holds nobody back for longer than a minute when the clock is set back', async () => {
  await withLimits(
    { requestsPerMinute: 1 },
    () => plain('x'),
    async ({ url, setTime }) => {
      const noon = Date.UTC(2026, 0, 1, 12);
      const ask = async (at: number) => {
        setTime(at);
        const response = await post(`${url}/v1/messages`, whole, as(ann));
        await response.text();
        return [response.status, response.headers.get('retry-after')];
      };
      assert.deepEqual(await ask(noon + 3_600_000), [200, null]);
      assert.deepEqual(await ask(noon), [429, '60']);
      assert.deepEqual(await ask(noon + 60_000), [200, null]);
    },
  );
});

test('Quotas: what an answer took is charged exactly, and when the day’s tokens are used up the next is a 429 until the next day', async () => {
  await withLimits(
    { tokensPerDay: 4000 },
    () => ({ inputShare: 1, texts: [{ text: 'x'.repeat(400), share: 0.25 }] }),
    async ({ url, bill, relay, setTime }) => {
      // 104 tokens of output, and one of input for each byte of what goes up.
      for (let count = 0; bill.tokens < 4000; count += 1) {
        const body = { ...(count % 2 === 0 ? stream : whole), ...question('y'.repeat(500)) };
        const response = await post(`${url}/v1/messages`, body, as(ann));
        assert.equal(response.status, 200, `${bill.tokens}`);
        await response.text();
        assert.ok(count < 20);
      }
      assert.ok(bill.tokens < 4000 + 800, `${bill.tokens}`);
      const refused = await post(`${url}/streams`, question('x'), as(ann));
      assert.deepEqual(
        [refused.headers.get('retry-after'), refused.headers.get('x-should-retry')],
        [String(12 * 3600), 'false'],
      );
      assert.deepEqual(await limitOf(refused), [429, 'rate_limit_error', 'quota_exceeded']);
      const before = bill.requests;
      assert.equal((await post(`${url}/v1/messages`, whole, as(ann))).status, 429);
      assert.equal(bill.requests, before, 'upstream was not asked');
      assert.equal((await post(`${url}/v1/messages`, whole, as(bob))).status, 200);
      setTime(Date.UTC(2026, 0, 2));
      assert.equal((await post(`${url}/v1/messages`, whole, as(ann))).status, 200);
      assert.equal(relay.errors.length, 0);
    },
  );
});

test('Quotas: an answer that uses up the day ends quota_exceeded in its middle, with what had come, and so do the owner’s others', async () => {
  await withLimits(
    { tokensPerDay: 20_000 },
    () => ({
      inputShare: 0,
      texts: Array.from({ length: 2000 }, () => ({ text: 'x'.repeat(100), share: 1 })),
    }),
    async ({ url, bill }) => {
      const headers = { ...as(ann), accept: 'text/event-stream' };
      const body = { ...question('x'), max_tokens: 512 };
      const long = { ...stream, max_tokens: 100_000 };
      const other = await post(`${url}/v1/messages`, long, as(bob));
      const answers = await Promise.all([
        post(`${url}/v1/messages`, long, headers),
        post(`${url}/v1/messages`, long, headers),
        post(`${url}/streams`, body, headers),
      ]);
      const [first = '', second = ''] = await Promise.all(answers.map((response) => response.text()));
      for (const text of [first, second]) {
        assert.match(
          text,
          /event: error\ndata: \{"type":"error","error":\{"type":"rate_limit_error","message":"[^"]+","details":\{"code":"quota_exceeded"\}\}\}\n\n$/,
        );
        assert.match(text, /content_block_delta/, 'what came before is there');
      }
      await other.body?.cancel();
      const shown = [first, second].map((text) => (text.match(/text_delta/g) ?? []).length);
      assert.ok(shown[0]! + shown[1]! >= 100, `${shown}`);
      assert.ok(bill.requests === 4);
    },
  );
});

test('Quotas: costPerDay counts by the prices, and a model without one is refused, as is what makes it dearer', async () => {
  const price = { input: 1_000_000, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0, output: 2_000_000 };
  const { bill, transport } = createBillingUpstream(() => ({
    inputShare: 0,
    texts: [{ text: 'xxxxxxxx', share: 0.5 }],
  }));
  const prices = { asOf: '2026-01-01', source: 'a test', currency: 'USD', models: { [model]: price } };
  await using relay = await startKeyedRelay(
    'http://127.0.0.1:9',
    { prices, limits: { costPerDay: 33 } },
    { upstream: { transport } },
  );
  const ask = (more: object) => post(`${relay.url}/v1/messages`, { ...whole, ...more }, as(ann));
  for (const [more, message] of [
    [{ model: 'claude-unheard-of' }, 'model: "claude-unheard-of" has no price here'],
    [{ speed: 'fast' }, 'speed: "fast" has no price here'],
    [{ inference_geo: 'us' }, 'inference_geo: "us" has no price here'],
  ] as const) {
    const response = await ask(more);
    assert.equal(response.status, 400);
    assert.ok((await response.text()).includes(JSON.stringify(message).slice(1, -1)));
  }
  assert.equal(bill.requests, 0);
  // Eight tokens of output each, at 2: 16.
  for (const [status, dated] of [
    [200, model],
    [200, `${model}-20260101`],
    [200, model],
    [429, model],
  ] as const) {
    assert.equal((await ask({ model: dated })).status, status, `${bill.tokens}`);
  }
  assert.equal(bill.tokens, 24);
});

test('Quotas: a cache is charged by its own prices, a long prompt by those of long prompts', async () => {
  const usage = {
    input_tokens: 10,
    cache_read_input_tokens: 100,
    cache_creation_input_tokens: 20,
    cache_creation: { ephemeral_5m_input_tokens: 15, ephemeral_1h_input_tokens: 5 },
    output_tokens: 1,
  };
  const price = { input: 1, cacheWrite5m: 10, cacheWrite1h: 100, cacheRead: 0.1, output: 1000 };
  const { amountOf } = await import('../../../src/relay/access/amount.ts');
  const cost = (aboveTokens: number) =>
    amountOf({ usage, outputTokens: 1 }, { ...price, longPrompt: { ...price, output: 2000, aboveTokens } });
  assert.deepEqual(cost(130), { tokens: 131, cost: (10 + 150 + 500 + 10 + 1000) / 1e6 });
  assert.deepEqual(cost(129), { tokens: 131, cost: (10 + 150 + 500 + 10 + 2000) / 1e6 });
});

test('Quotas: a recovery is charged to the owner as well, and what broke off as the most that it can have been', async () => {
  const plans: Plan[] = [
    { inputShare: 0.5, texts: [{ text: 'Hello there', share: 0.2 }], breaksAt: 3 },
    { inputShare: 0.5, texts: [{ text: ' and on', share: 1 }] },
  ];
  await withLimits(
    { tokensPerDay: 100_000 },
    (request) => plans[request]!,
    async ({ url, bill, relay }) => {
      const response = await post(`${url}/v1/messages`, stream, as(ann));
      assert.match(await response.text(), /and on[^]*message_stop/);
      await turnsUntil(() => usageOf(relay).running === 0);
      assert.equal(bill.requests, 2);
      // 16 for the block that broke off and 11 for its text, of which upstream charged 4 and 2.
      assert.equal(usageOf(relay).tokens, bill.tokens + 16 + 11 - 4 - 2);
    },
  );
});

test('Quotas: what an answer turns out not to have taken is of the day that it was counted in, and makes no later one longer', async () => {
  let time = Date.UTC(2026, 0, 1, 23, 59);
  const rules = accessRules({ keys: [ann], limits: { tokensPerDay: 1000, concurrent: 2 } });
  const accounts = new OwnerAccounts(() => rules, { now: () => time });
  const tokens = () => accounts.usage()[0]?.tokens;
  const turn = accounts.takeOver('ann', JSON.stringify(stream))!;
  await turn.beginRequest({ tokens: 10, cost: 0 });
  assert.equal(turn.count({ tokens: 500, cost: 5 }), true);
  assert.equal(tokens(), 500);
  time += 120_000;
  assert.equal(turn.count({ tokens: 300, cost: 3 }), true);
  assert.deepEqual(accounts.usage()[0], { owner: 'ann', running: 1, waiting: 0, tokens: 0, cost: 0 });
  assert.equal(turn.count({ tokens: 700, cost: 7 }), true);
  assert.equal(tokens(), 200);
  assert.equal(turn.count({ tokens: 600, cost: 6 }), true);
  assert.equal(tokens(), 100);
  await turn.beginRequest({ tokens: 10, cost: 0 });
  assert.equal(turn.count({ tokens: 50, cost: 0 }), true);
  assert.equal(tokens(), 150);
  turn.release();
  await accounts.close();
});

test('Quotas: an answer that is taken over asks upstream for nothing when the day is used up, and has a place', async () => {
  const rules = accessRules({ keys: [ann], limits: { tokensPerDay: 1000, concurrent: 1 } });
  const accounts = new OwnerAccounts(() => rules, { now: Date.now });
  const request = JSON.stringify(stream);
  const first = accounts.takeOver('ann', request);
  assert.ok(first !== undefined);
  await first.beginRequest({ tokens: 10, cost: 0 });
  assert.equal(first.count({ tokens: 1000, cost: 0 }), false);
  const second = accounts.takeOver('ann', request);
  assert.ok(second !== undefined);
  const ends: string[] = [];
  second.onOver = ({ why }) => ends.push(why);
  assert.equal(accounts.usage()[0]?.running, 2);
  await assert.rejects(second.beginRequest({ tokens: 10, cost: 0 }), { code: 'quota_exceeded' });
  assert.deepEqual(ends, ['quota']);
  for (const turn of [first, second, second]) turn.release();
  await accounts.close();
  assert.deepEqual(accounts.usage(), [{ owner: 'ann', running: 0, waiting: 0, tokens: 1000, cost: 0 }]);
});

test('Quotas: a fallback is charged by its own model, in one piece as well, and to a model without a price there is none', async () => {
  const cut: Plan = { inputShare: 0.5, texts: [], breaksAt: 0 };
  const full: Plan = { inputShare: 0.5, texts: [{ text: 'x'.repeat(400), share: 1 }] };
  for (const [fallback, price] of [
    [['unknown', 'claude-opus-5'], publishedPrices.models['claude-opus-5']],
    [['unknown', 'non-streaming'], publishedPrices.models[model]],
  ] as const) {
    const { bill, transport } = createBillingUpstream((request) => (request === 0 ? cut : full));
    await using relay = await startKeyedRelay(
      'http://127.0.0.1:9',
      { limits: { costPerDay: 10 } },
      { upstream: { transport }, calls: { fallback, retry: { maxRetries: 0 } } },
    );
    const response = await post(`${relay.url}/streams`, question('x'), {
      ...as(ann),
      accept: 'text/event-stream',
    });
    const text = await response.text();
    assert.doesNotMatch(text, /unknown/);
    await turnsUntil(() => usageOf(relay).running === 0);
    assert.equal(bill.requests, 2, text);
    assert.ok(
      usageOf(relay).cost >= (404 * (price?.output ?? Infinity)) / 1e6,
      `${fallback.join()} ${usageOf(relay).cost}`,
    );
  }
});

test('Quotas: an answer left by another process that has no price now is ended, and those beside it are gone on with', async () => {
  const { bill, transport } = createBillingUpstream(() => plain(' on'));
  const log = new MemoryStreamLog();
  for (const [id, asked] of [
    ['unpriced', 'unknown'],
    ['priced', model],
  ] as const) {
    const request = JSON.stringify({ ...stream, model: asked });
    const takeover = { target: '/v1/messages', headers: {} };
    await log.create({ id, open: { type: 'open', owner: 'ann', request, createdAt: Date.now(), takeover } });
  }
  await using relay = await startKeyedRelay(
    'http://127.0.0.1:9',
    { limits: { costPerDay: 10 } },
    { upstream: { transport }, log },
  );
  const endOf = async (id: string): Promise<unknown> => (await log.state(id))?.ending;
  await turnsUntil(() => bill.requests === 1 && relay.relay.usage().every(({ running }) => running === 0));
  assert.deepEqual(await endOf('unpriced'), {
    type: 'failed',
    code: 'interrupted',
    message: 'The relay was ended in the middle of the answer',
  });
  assert.deepEqual(await endOf('priced'), { type: 'complete' });
  assert.equal(bill.requests, 1);
  assert.deepEqual(relay.errors, []);
});

/** What a script does that wants to run up a bill. */
interface Attack {
  readonly route: 'stream' | 'whole' | 'page' | 'detached';
  readonly prompt: number;
  readonly maxTokens: number;
  readonly leavesAfter: number | undefined;
  readonly session: boolean;
}

const attack: fc.Arbitrary<Attack> = fc.record({
  route: fc.constantFrom('stream', 'whole', 'page', 'detached'),
  prompt: fc.integer({ min: 0, max: 3000 }),
  maxTokens: fc.integer({ min: 1, max: 2000 }),
  leavesAfter: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
  session: fc.boolean(),
});

const plan: fc.Arbitrary<Plan> = fc.record({
  inputShare: fc.double({ min: 0, max: 1, noNaN: true }),
  texts: fc.array(
    fc.record({
      text: fc.string({ unit: 'grapheme', maxLength: 40 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { maxLength: 30 },
  ),
  thoughtTokens: fc.option(fc.integer({ min: 0, max: 2000 }), { nil: undefined }),
  breaksAt: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
});

test('Quotas: a denial-of-wallet script never gets past the cap by more than one event', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(attack, { minLength: 10, maxLength: 40 }),
      fc.array(plan, { minLength: 1, maxLength: 10 }),
      fc.record({
        tokensPerDay: fc.integer({ min: 1, max: 20_000 }),
        concurrent: fc.constantFrom(1, 3, Infinity),
      }),
      async (attacks, plans, limits) => {
        const { bill, transport } = createBillingUpstream((request) => plans[request % plans.length]!);
        const clock = new IdleClock();
        await using relay = await startKeyedRelay(
          'http://127.0.0.1:9',
          { limits: { queue: 1000, readers: Infinity, ...limits }, allow: { maxTokens: 2000 } },
          { upstream: { transport }, clock, pingMs: 50 },
        );
        const cookie = await signIn(relay, ann);
        const run = Promise.all(attacks.map((each) => carryOut(each, relay, cookie)));
        await clock.until(run);
        await clock.until(turnsUntil(() => usageOf(relay).running + usageOf(relay).waiting === 0));
        assert.equal(
          chargedPast(limits.tokensPerDay, bill.charges),
          0,
          JSON.stringify([limits, bill.charges]),
        );
        assert.ok(usageOf(relay).tokens >= bill.tokens, 'never less is booked than was billed');
      },
    ),
    { numRuns: 60 },
  );
});

/** What was charged behind the event that reached the cap. */
function chargedPast(cap: number, charges: readonly number[]): number {
  let sum = 0;
  let past = 0;
  for (const charge of charges) {
    if (sum >= cap) past += charge;
    sum += charge;
  }
  return past;
}

/** Reads to the end, or leaves after so many. */
async function readChunks(response: Response, most: number | undefined): Promise<void> {
  const reader = response.body?.getReader();
  for (let chunks = 1; (await reader?.read())?.done === false; chunks += 1)
    if (chunks === most) await reader?.cancel();
}

function usageOf({ relay }: TestRelay, owner = 'ann'): Omit<OwnerUsage, 'owner'> {
  const none = { running: 0, waiting: 0, tokens: 0, cost: 0 };
  return relay.usage().find((usage) => usage.owner === owner) ?? none;
}

async function carryOut(
  { route, prompt, maxTokens, leavesAfter, session }: Attack,
  { relay, url }: TestRelay,
  cookie: string,
): Promise<void> {
  const body = { model, max_tokens: maxTokens, ...question('y'.repeat(prompt)), stream: route === 'stream' };
  const isPage = route === 'page' || route === 'detached';
  const who = session && isPage ? { ...json, cookie, origin: url } : as(ann);
  const headers = route === 'detached' ? who : { ...who, accept: 'text/event-stream' };
  const leaving = new AbortController();
  if (leavesAfter === 0) setImmediate(() => leaving.abort());
  try {
    const init = { method: 'POST', headers, body: JSON.stringify(body), signal: leaving.signal };
    // Without sockets it takes a tenth of the time.
    const ask = createFetchHandler(relay);
    const response = await ask(new Request(url + (isPage ? '/streams' : '/v1/messages'), init));
    await readChunks(response, leavesAfter);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
}
