import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { createSimulator } from '../../src/simulator/index.ts';

interface Page {
  readonly ids: readonly string[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

const simulator = createSimulator();
after(() => simulator.close());

async function ask(query: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { 'anthropic-version': '2026-10-21' };
  const response = await simulator.fetch(`https://api.anthropic.com/v1/models${query}`, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function askPage(query: string): Promise<Page> {
  const { status, body } = await ask(query);
  assert.equal(status, 200);
  const { data, ...rest } = body as unknown as Omit<Page, 'ids'> & { data: readonly { id: string }[] };
  return { ids: data.map(({ id }) => id), ...rest };
}

const all = (await askPage('')).ids;

describe('GET /v1/models', () => {
  test('has all models on one page, newest first', async () => {
    assert.ok(all.length > 5);
    assert.deepEqual(await askPage('?limit=1000'), {
      ids: all,
      has_more: false,
      first_id: all[0],
      last_id: all.at(-1),
    });
  });

  test('gives a page forwards from the beginning or from a model, and says whether there are more', async () => {
    const page = { ids: all.slice(0, 3), has_more: true, first_id: all[0], last_id: all[2] };
    assert.deepEqual(await askPage('?limit=3'), page);
    assert.deepEqual((await askPage(`?limit=3&after_id=${all[2]}`)).ids, all.slice(3, 6));
    const last = { ids: [], has_more: false, first_id: null, last_id: null };
    assert.deepEqual(await askPage(`?after_id=${all.at(-1)}`), last);
  });

  test('gives the page that ends before a model', async () => {
    const page = { ids: all.slice(2, 5), has_more: true, first_id: all[2], last_id: all[4] };
    assert.deepEqual(await askPage(`?limit=3&before_id=${all[5]}`), page);
    assert.equal((await askPage(`?limit=5&before_id=${all[5]}`)).has_more, false);
  });

  test('lets the official SDK turn the pages, in both directions and whatever their size', async () => {
    const client = new Anthropic({ apiKey: 'key', fetch: simulator.fetch, maxRetries: 0 });
    for (const limit of [1, 3, 1000]) {
      const forwards = [];
      for await (const { id } of client.models.list({ limit })) forwards.push(id);
      assert.deepEqual(forwards, all);
    }
    const beta = [];
    for await (const { id } of client.beta.models.list({ limit: 4 })) beta.push(id);
    assert.deepEqual(beta, all);
    const pages = [];
    for await (const page of (await client.models.list({ limit: 3, before_id: all.at(-1)! })).iterPages()) {
      pages.unshift(...page.data.map(({ id }) => id));
    }
    assert.deepEqual(pages, all.slice(0, -1));
  });

  const refusals: readonly [query: string, message: string][] = [
    ['?limit=0', 'limit: Input should be greater than or equal to 1'],
    ['?limit=1001', 'limit: Input should be less than or equal to 1000'],
    ['?limit=ten', 'limit: Input should be a valid integer, unable to parse string as an integer'],
    ['?limit=', 'limit: Input should be a valid integer, unable to parse string as an integer'],
    ['?after_id=gpt-4', 'after_id: no model has the id "gpt-4"'],
    ['?before_id=', 'before_id: no model has the id ""'],
    [`?after_id=${all[0]}&before_id=${all[3]}`, 'before_id: before_id and after_id cannot both be given'],
  ];
  for (const [query, message] of refusals) {
    test(`refuses ${query.slice(0, 40)}`, async () => {
      const { status, body } = await ask(query);
      assert.equal(status, 400);
      assert.deepEqual(body['error'], { type: 'invalid_request_error', message });
    });
  }
});
