// What each client of the Messages API gets through the relay, held against what it gets without it: over real
// sockets, for answers whole and broken, with compression and without.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import Anthropic from '@anthropic-ai/sdk';
import { generateText, jsonSchema, streamText, tool } from 'ai';
import type { ToolSet } from 'ai';
import { Millrace } from 'millrace/client';
import { startSimulator } from 'millrace/simulator';
import type { SimulatorOptions } from 'millrace/simulator';
import { startTestRelay } from '../support/relay.ts';

const model = 'claude-sonnet-4-6';
const inputSchema = {
  type: 'object' as const,
  properties: { location: { type: 'string' as const } },
  required: ['location'],
};
const tools = [{ name: 'get_weather', description: 'The weather', input_schema: inputSchema }];

interface Case {
  readonly prompt: string;
  readonly hasTools?: boolean;
  readonly thinks?: boolean;
  readonly faults?: SimulatorOptions['faults'];
  /** The client leaves after so many events, pings not counted: nothing more comes. */
  readonly leavesAfter?: number;
  /** Upstream breaks off: through the relay that is an error, whatever a client makes of it without. */
  readonly isCut?: true;
}

const cases: Readonly<Record<string, Case>> = {
  'a whole answer': { prompt: 'Show me some markdown' },
  thinking: { prompt: 'think hard', thinks: true },
  tools: { prompt: 'use get_weather', hasTools: true },
  'parallel tools': { prompt: 'parallel', hasTools: true },
  'an error in place of the answer': { prompt: 'x', faults: 'status 529' },
  'a rate limit': { prompt: 'x', faults: 'status 429 retryAfter=7' },
  'an error as the first event': { prompt: 'x', faults: 'error_event overloaded_error' },
  'an error in the middle': { prompt: 'echo one two three four', faults: 'error_event api_error atEvent=6' },
  'an end before its time': {
    prompt: 'echo one two three four',
    faults: 'cut 900',
    isCut: true,
  },
  'a reset': { prompt: 'echo one two three four', faults: 'cut 900 by=rst', isCut: true },
  'a stall': { prompt: 'echo one two three four', faults: 'stall atEvent=5 pings=false', leavesAfter: 4 },
  'pings in a gap': { prompt: 'echo one two three four', faults: 'stall atEvent=5 ms=60 pingMs=20' },
  'an unknown event': { prompt: 'echo one two three four', faults: 'unknown_event' },
  'an unknown delta': { prompt: 'echo one two three four', faults: 'unknown_delta' },
};

/** What a client made of an answer. */
interface Outcome {
  readonly events: readonly unknown[];
  readonly result?: unknown;
  readonly error?: unknown;
}

type Ask = (baseURL: string, answer: Case, headers: Record<string, string>) => Promise<Outcome>;

const isPing = (event: unknown): boolean => (event as { type?: string }).type === 'ping';

function describeError(error: unknown): object {
  const { name, status, statusCode, type, requestID, requestId, message } = error as Record<string, unknown>;
  return { name, status, statusCode, type, requestID, requestId, message };
}

/** Takes events until they end, break off, or the client leaves; what it is left with after that is its error. */
async function take(
  events: AsyncIterable<unknown>,
  { leavesAfter = Infinity }: Case,
  leave: () => void,
): Promise<Outcome> {
  const seen: unknown[] = [];
  try {
    for await (const event of events) {
      if (isPing(event)) continue;
      seen.push(structuredClone(event));
      if (seen.length === leavesAfter) leave();
    }
  } catch (error) {
    return { events: seen, error: describeError(error) };
  }
  return { events: seen };
}

const paramsOf = ({ prompt, hasTools = false, thinks = false }: Case) => ({
  model,
  max_tokens: 4000,
  messages: [{ role: 'user' as const, content: prompt }],
  ...(hasTools ? { tools } : {}),
  ...(thinks ? { thinking: { type: 'enabled' as const, budget_tokens: 2000 } } : {}),
});

const clients: Readonly<Record<string, { stream: Ask; create: Ask }>> = {
  'the official SDK': {
    stream: async (baseURL, answer, defaultHeaders) => {
      const client = new Anthropic({ apiKey: 'key', baseURL, defaultHeaders, maxRetries: 0 });
      const stream = client.messages.stream(paramsOf(answer));
      const outcome = await take(stream, answer, () => stream.abort());
      const result = await stream.finalMessage().catch(() => undefined);
      return { ...outcome, result };
    },
    create: async (baseURL, answer, defaultHeaders) => {
      const client = new Anthropic({ apiKey: 'key', baseURL, defaultHeaders, maxRetries: 0 });
      return client.messages.create(paramsOf(answer)).then(
        (result) => ({ events: [], result: { ...result, id: result._request_id } }),
        (error: unknown) => ({ events: [], error: describeError(error) }),
      );
    },
  },
  'the AI SDK': {
    stream: async (baseURL, answer, headers) => {
      const leaving = new AbortController();
      const { fullStream } = streamText({
        ...aiParams(baseURL, answer, headers),
        abortSignal: leaving.signal,
      });
      return take(aiParts(fullStream), answer, () => leaving.abort());
    },
    create: async (baseURL, answer, headers) =>
      generateText(aiParams(baseURL, answer, headers)).then(
        ({ text, toolCalls, usage, finishReason }) => ({
          events: [],
          result: { text, usage, finishReason, tools: toolCalls.map(({ input }): unknown => input) },
        }),
        (error: unknown) => ({ events: [], error: describeError(error) }),
      ),
  },
  'our own client': {
    stream: async (baseURL, answer, headers) => {
      const client = new Millrace({ apiKey: 'key', baseURL, headers, retry: { maxRetries: 0 } });
      const stream = client.messages.stream(paramsOf(answer));
      const outcome = await take(stream, answer, () => stream.abort());
      return { ...outcome, result: stream.currentMessage };
    },
    create: async (baseURL, answer, headers) => {
      const client = new Millrace({ apiKey: 'key', baseURL, headers, retry: { maxRetries: 0 } });
      return client.messages.create(paramsOf(answer)).then(
        (result) => ({ events: [], result }),
        (error: unknown) => ({ events: [], error: describeError(error) }),
      );
    },
  },
};

function aiParams(baseURL: string, { prompt, hasTools, thinks }: Case, headers: Record<string, string>) {
  return {
    model: createAnthropic({ baseURL: `${baseURL}/v1`, apiKey: 'key', headers })(model),
    prompt,
    maxOutputTokens: 4000,
    maxRetries: 0,
    onError: () => undefined,
    tools: (hasTools ? { get_weather: tool({ inputSchema: jsonSchema(inputSchema) }) } : {}) as ToolSet,
    providerOptions: thinks
      ? { anthropic: { thinking: { type: 'enabled' as const, budgetTokens: 2000 } } }
      : {},
  };
}

/** The AI SDK's parts without times and without what says where it asked. */
async function* aiParts(parts: AsyncIterable<{ type: string }>): AsyncGenerator<object> {
  for await (const part of parts) {
    if (part.type === 'error') throw (part as unknown as { error: unknown }).error;
    const { type, text, delta, input, finishReason, totalUsage } = part as Record<string, unknown>;
    if (type === 'start' || type === 'start-step' || type === 'finish-step') continue;
    yield { type, text, delta, input, finishReason, totalUsage };
  }
}

/** Asks with the relay in between and without it, of simulators that say the same. */
async function bothWays(ask: Ask, answer: Case, headers: Record<string, string>) {
  const options: SimulatorOptions = { speed: 0, seed: 4, ...(answer.faults && { faults: answer.faults }) };
  await using direct = await startSimulator(options);
  await using upstream = await startSimulator(options);
  await using relay = await startTestRelay(upstream.url);
  const expected = await ask(direct.url, answer, headers);
  const actual = await ask(relay.url, answer, headers);
  assert.deepEqual(
    relay.errors.filter((error) => answer.isCut !== true || !String(error).includes('broke off')),
    [],
  );
  return { expected, actual };
}

const encodings = { gzip: 'gzip, deflate, br', plain: 'identity' };

for (const [encoding, offer] of Object.entries(encodings)) {
  const headers = { 'accept-encoding': offer, 'x-millrace-recover': 'off' };
  for (const [name, { stream, create }] of Object.entries(clients)) {
    describe(`${name} through the relay, ${encoding}`, () => {
      for (const [title, answer] of Object.entries(cases)) {
        test(`streams ${title} as it does without it`, async () => {
          const { expected, actual } = await bothWays(stream, answer, headers);
          if (answer.leavesAfter !== undefined) {
            // What of the events on their way a client still hands on when it has left is a matter of a turn.
            const kept = Math.min(expected.events.length, actual.events.length) - 1;
            assert.ok(kept >= 1);
            assert.deepEqual(actual.events.slice(0, kept), expected.events.slice(0, kept));
            assert.deepEqual(actual.events.at(-1), expected.events.at(-1));
            assert.deepEqual(actual.error, expected.error);
            return;
          }
          if (answer.isCut !== true) {
            assert.deepEqual(actual, expected);
            assert.ok(expected.events.length > 0 || expected.error !== undefined, 'something came');
            return;
          }
          assert.deepEqual(actual.events, expected.events);
          assert.ok(actual.events.length > 0);
          assert.notEqual(actual.error, undefined, 'it does not look whole');
        });
      }
      for (const title of ['a whole answer', 'tools', 'a rate limit']) {
        test(`gets ${title} in one piece as it does without it`, async () => {
          const { expected, actual } = await bothWays(create, cases[title]!, headers);
          assert.deepEqual(actual, expected);
        });
      }
    });
  }
}

interface RawResponse {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Compressed or not as `fetch` undoes it; with the headers that an API's client reads. */
const raw = async (url: string, init: RequestInit): Promise<RawResponse> => {
  const response = await fetch(url, init);
  const isRead = (name: string): boolean =>
    /^(?:request-id|retry-after|x-should-retry|content-type|anthropic-)/.test(name);
  // What is left of a budget, and when it will be whole again, are matters of time.
  const headers = Object.fromEntries(
    [...response.headers]
      .filter(([name]) => isRead(name))
      .map(([name, value]) => [name, /-(?:reset|remaining)$/.test(name) ? 'set' : value]),
  );
  return { status: response.status, headers, body: await response.text() };
};

test('status, headers and bytes through the relay are those of upstream, on every route of the API', async () => {
  const bodyOf = (answer: Case, stream: boolean) => JSON.stringify({ ...paramsOf(answer), stream });
  const whole = Object.entries(cases).filter(
    ([, { isCut, leavesAfter, faults }]) =>
      isCut !== true && leavesAfter === undefined && faults !== cases['pings in a gap']?.faults,
  );
  const requests: [path: string, body: string | undefined, answer: Case][] = [
    ...whole.map(([, answer]): [string, string, Case] => [
      '/v1/messages?beta=true',
      bodyOf(answer, true),
      answer,
    ]),
    ...whole.map(([, answer]): [string, string, Case] => ['/v1/messages', bodyOf(answer, false), answer]),
    [
      '/v1/messages/count_tokens?beta=true',
      JSON.stringify({ model, messages: paramsOf(cases['tools']!).messages }),
      { prompt: '' },
    ],
    ['/v1/models?limit=2', undefined, { prompt: '' }],
    [`/v1/models/${model}`, undefined, { prompt: '' }],
    ['/v1/models/none', undefined, { prompt: '' }],
    ['/v1/messages', '{"model": "claude-sonnet-5", "stream": true}', { prompt: '' }],
  ];
  for (const [path, body, { faults }] of requests) {
    for (const offer of Object.values(encodings)) {
      const options: SimulatorOptions = { speed: 0, seed: 4, ...(faults && { faults }) };
      await using direct = await startSimulator(options);
      await using upstream = await startSimulator(options);
      await using relay = await startTestRelay(upstream.url);
      const init: RequestInit = {
        headers: {
          'anthropic-version': '2023-06-01',
          'anthropic-beta': 'unknown-beta-2031-01-01',
          'x-api-key': 'key',
          'content-type': 'application/json',
          'x-millrace-recover': 'off',
          'accept-encoding': offer,
        },
        ...(body === undefined ? {} : { method: 'POST', body }),
      };
      const expected = await raw(direct.url + path, init);
      assert.deepEqual(await raw(relay.url + path, init), expected, `${path} ${body}`);
      assert.match(String(expected.headers['request-id']), /^req_/);
      assert.equal(upstream.requests[0]?.headers['anthropic-beta'], 'unknown-beta-2031-01-01');
    }
  }
});

test('Claude Code finds out by HEAD / that the relay is there', async () => {
  const index = { contentType: 'text/html', body: new Uint8Array(9) };
  await using relay = await startTestRelay('http://127.0.0.1:9', {
    assets: new Map([['/index.html', index]]),
  });
  const response = await fetch(relay.url, { method: 'HEAD' });
  assert.deepEqual([response.status, await response.text()], [200, '']);
});

/** The first frame of a stream as it arrives, and its encoding; the body decides when more comes. */
async function firstFrame(
  url: string,
  offer: string,
): Promise<{ encoding: string | undefined; bytes: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    encoding: string | undefined;
    bytes: Buffer;
  }>();
  const asked = request(
    `${url}/v1/messages`,
    {
      method: 'POST',
      headers: { 'accept-encoding': offer, 'anthropic-version': '2023-06-01', 'x-api-key': 'k' },
    },
    (response) => {
      response.once('data', (bytes: Buffer) => {
        resolve({ encoding: response.headers['content-encoding'], bytes });
        asked.destroy();
      });
    },
  );
  asked.on('error', reject);
  asked.end(JSON.stringify({ ...paramsOf({ prompt: 'echo one two' }), stream: true }));
  return promise;
}

test('a stream is compressed where the client offers gzip and does not rule it out, and flushed at every write', async () => {
  // Nothing comes after these events: what the client has not got by then it never would.
  await using upstream = await startSimulator({ speed: 0, faults: 'stall atEvent=2 pings=false' });
  await using relay = await startTestRelay(upstream.url);
  for (const [offer, encoding] of [
    ['gzip', 'gzip'],
    ['br, GZIP;q=0.5', 'gzip'],
    ['gzip;q=0', undefined],
    ['gzip; q=0.000, br', undefined],
    ['identity', undefined],
    ['', undefined],
  ] as const) {
    const first = await firstFrame(relay.url, offer);
    assert.equal(first.encoding, encoding, offer);
    assert.ok(first.bytes.length > 0);
    assert.equal(first.bytes.toString('latin1').startsWith('event: message_start'), encoding === undefined);
  }
});
