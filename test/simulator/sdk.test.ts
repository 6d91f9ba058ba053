// The official SDK as the judge: what it makes of a stream is what it makes of the whole message.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { startSimulator } from '../../src/simulator/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';
import { bodies, toBody } from './ask.ts';

function toClient({ url }: Simulator): Anthropic {
  return new Anthropic({ apiKey: 'x', baseURL: url, maxRetries: 0 });
}

type Params = Anthropic.MessageCreateParamsNonStreaming;
type BetaParams = Anthropic.Beta.MessageCreateParamsNonStreaming;

/** The kinds with blocks that only the SDK's beta knows. */
const betaKinds = new Set(['mcp', 'advisor', 'compaction', 'fallback', 'everything before an answer']);

async function createMessage(kind: string, body: object): Promise<unknown> {
  await using simulator = await startSimulator({ speed: 0 });
  const client = toClient(simulator);
  if (betaKinds.has(kind)) return toPlain(await client.beta.messages.create(body as BetaParams));
  return toPlain(await client.messages.create(body as Params));
}

async function streamMessage(kind: string, body: object): Promise<unknown> {
  await using simulator = await startSimulator({ speed: 0 });
  const client = toClient(simulator);
  const isBeta = betaKinds.has(kind);
  const stream = isBeta
    ? client.beta.messages.stream(body as BetaParams)
    : client.messages.stream(body as Params);
  return toPlain(await stream.finalMessage());
}

/** Without what the SDK adds to its own objects. */
function toPlain(message: object): unknown {
  return JSON.parse(JSON.stringify({ ...message, parsed_output: undefined }));
}

describe('the official SDK', () => {
  for (const [kind, body] of Object.entries(bodies)) {
    test(`${kind}: gets the same message from the stream and whole`, async () => {
      const whole = await createMessage(kind, body);
      assert.deepEqual(await streamMessage(kind, body), whole);
    });
  }

  test('gets a message from the path with a query that older versions use for betas', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const message = await toClient(simulator).post<Anthropic.Message>('/v1/messages?beta=true', {
      body: toBody('Hello'),
    });
    assert.equal(message.stop_reason, 'end_turn');
    assert.equal(simulator.requests[0]?.path, '/v1/messages?beta=true');
  });

  test('counts tokens', async () => {
    await using simulator = await startSimulator();
    const { model, messages } = toBody('Reply with exactly this one word and nothing else: alpha') as Params;
    const { input_tokens: tokens } = await toClient(simulator).messages.countTokens({ model, messages });
    // The API says 18.
    assert.equal(tokens, 19);
  });

  test('lists models and gets one by its alias', async () => {
    await using simulator = await startSimulator();
    const client = toClient(simulator);
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    assert.ok(ids.includes('claude-opus-5') && ids.includes('claude-haiku-4-5-20251001'));
    const model = await client.models.retrieve('claude-haiku-4-5');
    assert.equal(model.display_name, 'Claude Haiku 4.5');
    assert.equal(model.max_tokens, 64_000);
    await assert.rejects(client.models.retrieve('gpt-4'), Anthropic.NotFoundError);
  });

  test('throws its own class for each error, with the request id', async () => {
    await using simulator = await startSimulator({ requireKey: true, speed: 0 });
    const client = toClient(simulator);
    await assert.rejects(
      client.messages.create({ ...(toBody('x') as Params), max_tokens: -1 }),
      (error: unknown) =>
        error instanceof Anthropic.BadRequestError && error.requestID?.startsWith('req_011C') === true,
    );
    await assert.rejects(
      client.messages.create({ ...(toBody('x') as Params), model: 'gpt-4' }),
      Anthropic.NotFoundError,
    );
    const keyless = new Anthropic({ apiKey: '', authToken: null, baseURL: simulator.url, maxRetries: 0 });
    await assert.rejects(
      keyless.messages.create(toBody('x') as Params, { headers: { 'x-api-key': null, authorization: null } }),
      Anthropic.AuthenticationError,
    );
  });
});
