// The AI SDK as a client of the simulator: what it makes of answers whole, and of answers that break.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { APICallError, generateText, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';

import { startSimulator } from '../../src/simulator/index.ts';
import type { Fault, Simulator } from '../../src/simulator/index.ts';

const modelId = 'claude-sonnet-4-6';

function toModel({ url }: Simulator): ReturnType<ReturnType<typeof createAnthropic>> {
  return createAnthropic({ baseURL: `${url}/v1`, apiKey: 'key' })(modelId);
}

const tools = {
  get_weather: tool({
    description: 'The weather at a place.',
    inputSchema: z.object({ location: z.string() }),
    execute: ({ location }) => `21 degrees in ${location}`,
  }),
};

interface Streamed {
  readonly text: string;
  /** Each type of part once, in the order of their first. */
  readonly types: readonly string[];
  /** What came as a part of the stream. */
  readonly errors: readonly unknown[];
  /** What the iteration was broken off with. */
  readonly thrown: unknown;
  readonly finishReason: string | undefined;
}

async function streamWith(fault: Fault, prompt = 'echo one two three four five'): Promise<Streamed> {
  await using simulator = await startSimulator({ speed: 0, faults: fault });
  const result = streamText({ model: toModel(simulator), prompt, maxRetries: 0, onError: () => undefined });
  const [types, errors] = [new Set<string>(), [] as unknown[]];
  let [text, finishReason, thrown]: [string, string | undefined, unknown] = ['', undefined, undefined];
  try {
    for await (const part of result.fullStream) {
      types.add(part.type);
      if (part.type === 'text-delta') text += part.text;
      if (part.type === 'error') errors.push(part.error);
      if (part.type === 'finish') finishReason = part.finishReason;
    }
  } catch (error) {
    thrown = error;
  }
  return { text, types: [...types], errors, thrown, finishReason };
}

describe('the AI SDK', () => {
  test('generates the same text, ending and usage as it streams', async () => {
    for (const prompt of [
      'Hello',
      'Show me some markdown',
      'echo naïve 😀 日本語',
      'long 300',
      'think first',
    ]) {
      await using simulator = await startSimulator({ speed: 0 });
      const model = toModel(simulator);
      const whole = await generateText({ model, prompt });
      const streamed = streamText({ model, prompt });
      assert.equal(await streamed.text, whole.text);
      assert.equal(await streamed.reasoningText, whole.reasoningText);
      assert.equal(await streamed.finishReason, whole.finishReason);
      const [usage, { usage: wanted }] = [await streamed.usage, whole];
      assert.ok((wanted.outputTokens ?? 0) > 0 && (wanted.inputTokens ?? 0) > 0);
      assert.deepEqual(
        [usage.inputTokens, usage.outputTokens, usage.outputTokenDetails],
        [wanted.inputTokens, wanted.outputTokens, wanted.outputTokenDetails],
      );
    }
  });

  test('gets thinking as reasoning, and how many tokens it was', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const result = streamText({ model: toModel(simulator), prompt: 'think about it' });
    const types: string[] = [];
    for await (const { type } of result.fullStream) if (types.at(-1) !== type) types.push(type);
    assert.deepEqual(
      types.filter((type) => /^(?:reasoning|text)-/.test(type)),
      ['reasoning-start', 'reasoning-delta', 'reasoning-end', 'text-start', 'text-delta', 'text-end'],
    );
    assert.match((await result.reasoningText) ?? '', /^The request is `think about it`/);
    const { outputTokens = 0, outputTokenDetails } = await result.usage;
    const { reasoningTokens = 0, textTokens = 0 } = outputTokenDetails;
    assert.ok(reasoningTokens > 100 && textTokens > 100);
    assert.equal(reasoningTokens + textTokens, outputTokens);
  });

  test('calls its tool and sends the result back, streamed and whole', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const options = { model: toModel(simulator), prompt: 'use a tool', tools, stopWhen: isStepCount(3) };
    const streamed = streamText(options);
    assert.match(await streamed.text, /\*\*get_weather\*\* returned `21 degrees in Lisbon, Portugal`/);
    assert.deepEqual(
      (await streamed.steps).map(({ finishReason }) => finishReason),
      ['tool-calls', 'stop'],
    );
    const whole = await generateText(options);
    assert.equal(whole.text, await streamed.text);
    assert.equal(simulator.requests.length, 4);
  });

  test('is stopped by max_tokens and by a stop sequence', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const model = toModel(simulator);
    const cut = await generateText({ model, prompt: 'long 500', maxOutputTokens: 20 });
    assert.deepEqual([cut.finishReason, cut.usage.outputTokens], ['length', 20]);
    const stopped = streamText({ model, prompt: 'echo one two three', stopSequences: ['three'] });
    assert.equal(await stopped.text, 'one two ');
    assert.equal(await stopped.finishReason, 'stop');
  });

  test('throws the error that comes instead of the stream, and tries again after it', async () => {
    const { errors, text } = await streamWith({ kind: 'status', status: 529 });
    const [error] = errors;
    assert.ok(APICallError.isInstance(error));
    assert.deepEqual([error.statusCode, error.message, error.isRetryable], [529, 'Overloaded', true]);
    assert.equal(text, '');
    await using simulator = await startSimulator({
      speed: 0,
      faults: { kind: 'status', status: 529, retryAfter: 0, times: 1 },
    });
    const { text: second } = await generateText({ model: toModel(simulator), prompt: 'echo Hi' });
    assert.equal(second, 'Hi');
    assert.deepEqual(
      simulator.requests.map(({ status }) => status),
      [529, 200],
    );
  });

  test('reads the message of a request that was refused', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const model = createAnthropic({ baseURL: `${simulator.url}/v1`, apiKey: 'invalid' })(modelId);
    await assert.rejects(generateText({ model, prompt: 'Hi', maxRetries: 0 }), {
      name: 'AI_APICallError',
      message: 'invalid x-api-key',
      statusCode: 401,
    });
  });

  test('gives the text before an error event, and the error', async () => {
    const fault = { kind: 'error_event', type: 'api_error', atEvent: 5 } as const;
    const { text, errors, finishReason } = await streamWith(fault);
    assert.ok(text !== '' && 'one two three four five'.startsWith(text));
    assert.equal((errors[0] as Error).message, 'Internal server error');
    assert.equal(finishReason, 'error');
  });

  for (const by of ['fin', 'rst'] as const) {
    test(`gives the text before a cut by ${by}, and throws`, async () => {
      const { text, thrown, finishReason } = await streamWith({ kind: 'cut', atEvent: 5, by });
      assert.ok(text !== '' && 'one two three four five'.startsWith(text));
      assert.ok(APICallError.isInstance(thrown));
      assert.equal(finishReason, undefined);
    });
  }

  test('gives the whole text around what it does not know, and says what that was', async () => {
    for (const kind of ['unknown_event', 'unknown_block', 'unknown_delta'] as const) {
      const { text, errors, finishReason } = await streamWith({ kind });
      assert.equal(text, 'one two three four five', kind);
      assert.equal(finishReason, 'stop', kind);
      assert.ok(
        errors.length > 0 && errors.every((error) => (error as Error).name === 'AI_TypeValidationError'),
      );
    }
  });

  test('reads an answer through pings and in any framing', async () => {
    const framings: readonly Fault[] = [
      { kind: 'stall', atEvent: 4, ms: 30, pings: true, pingMs: 5 },
      { kind: 'split', bytes: 7 },
      { kind: 'merge', events: 5 },
      { kind: 'crlf' },
      { kind: 'data_only' },
      { kind: 'done' },
    ];
    for (const fault of framings) {
      const { text, errors, thrown, finishReason } = await streamWith(fault);
      assert.deepEqual(
        { text, errors, thrown, finishReason },
        { text: 'one two three four five', errors: [], thrown: undefined, finishReason: 'stop' },
        fault.kind,
      );
    }
  });
});
