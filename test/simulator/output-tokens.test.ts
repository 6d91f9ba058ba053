// What answers count as output, beside recorded usage: each recorded answer is sent as the simulator's own.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import type { AnswerPart } from '../../src/simulator/answer-part.ts';
import type { MessagesRequest } from '../../src/simulator/messages-request.ts';
import { resolveModel } from '../../src/simulator/models.ts';
import { uncached } from '../../src/simulator/prompt-cache.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { wireEvents } from '../../src/simulator/wire-events.ts';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';

type Block =
  | { readonly type: 'text'; readonly text: string; readonly citations?: unknown[] | null }
  | { readonly type: 'thinking'; readonly thinking: string }
  | { readonly type: 'tool_use'; readonly name: string; readonly input: Readonly<Record<string, unknown>> };

interface Recorded {
  readonly model: string;
  readonly request: { readonly max_tokens?: number; readonly tool_choice?: { readonly type: string } } | null;
  readonly usage: { readonly output_tokens: number; readonly output_tokens_details?: Details | null };
  readonly output: readonly Block[];
  readonly source: string;
}

interface Details {
  readonly thinking_tokens: number;
}

const partOf = {
  text: ({ text }) => ({ type: 'text', text: [text] }),
  thinking: ({ thinking }) => ({ type: 'thinking', thinking: [thinking] }),
  tool_use: ({ type, name, input }) => ({ type: 'block', block: { type, name, input } }),
} satisfies { [Type in Block['type']]: (block: Extract<Block, { type: Type }>) => AnswerPart };

function toPart(block: Block): AnswerPart {
  return (partOf[block.type] as (block: Block) => AnswerPart)(block);
}

function toRequest({ model, request }: Recorded, maxTokens = 1_000_000): MessagesRequest {
  return {
    model: resolveModel(model) ?? model,
    maxTokens,
    turns: [],
    tools: [],
    offers: {
      serverTools: [],
      mcpServers: [],
      container: undefined,
      fallbacks: [],
      contextEdits: undefined,
    },
    toolChoice: (request?.tool_choice ?? { type: 'auto' }) as MessagesRequest['toolChoice'],
    thinking: 'off',
    stopSequences: [],
    isStream: true,
    inputTokens: 1,
    parts: [],
    cached: uncached,
  };
}

function usageHere(recorded: Recorded, maxTokens?: number): Recorded['usage'] {
  const random = { ids: createRandom('ids'), cuts: createRandom('cuts'), beganAtMs: 0 };
  const batches = wireEvents(toRequest(recorded, maxTokens), recorded.output.map(toPart), random);
  for (const event of [...batches].flat()) {
    if (event.type === 'message_delta') return event.usage as Recorded['usage'];
  }
  throw new Error('The answer has no message_delta');
}

/** Whole, and nothing in it that no text shows: no server tools, no citations, no thinking that was left out. */
function isComparable({ output, usage, request }: Recorded): boolean {
  const isWhole = usage.output_tokens > 0 && usage.output_tokens !== request?.max_tokens;
  return isWhole && output.length > 0 && output.every(isShown);
}

function isShown(block: Block): boolean {
  if (block.type === 'text') return (block.citations ?? []).length === 0;
  if (block.type === 'thinking') return block.thinking !== '';
  // Inputs that came in a stream were left out by the recorders.
  return block.type === 'tool_use' && Object.keys(block.input).length > 0;
}

/** The quarter of the recordings that no weight was fitted to. */
function isHeldOut({ source }: Recorded): boolean {
  return BigInt(`0x${createHash('sha256').update(source).digest('hex')}`) % 4n === 0n;
}

function readPairs(): Recorded[] {
  const text = gunzipSync(readFileSync(join(sharedFolder() ?? '', 'http/usage_pairs.jsonl.gz'))).toString();
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Recorded).filter(isComparable);
}

interface Error {
  readonly median: number;
  readonly ninth: number;
  readonly text: string;
}

function errorOf(pairs: readonly [here: number, recorded: number][]): Error {
  const errors = pairs.map(([here, recorded]) => Math.abs(here / recorded - 1)).sort((a, b) => a - b);
  const quantile = (share: number): number => errors[Math.floor(errors.length * share)] ?? Infinity;
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
  const [median, ninth] = [quantile(0.5), quantile(0.9)];
  return {
    median,
    ninth,
    text: `${errors.length}: half within ${percent(median)}, nine of ten within ${percent(ninth)}`,
  };
}

describe('output tokens', { skip: sharedSkip() }, () => {
  test('are near those of recordings that nothing was fitted to', (t) => {
    const held = readPairs().filter(isHeldOut);
    const all = errorOf(held.map((pair) => [usageHere(pair).output_tokens, pair.usage.output_tokens]));
    const long = errorOf(
      held
        .filter(({ usage }) => usage.output_tokens >= 20)
        .map((pair) => [usageHere(pair).output_tokens, pair.usage.output_tokens]),
    );
    t.diagnostic(`answers ${all.text}`);
    t.diagnostic(`answers of 20 tokens and more ${long.text}`);
    assert.ok(held.length > 100);
    assert.ok(all.median < 0.07 && long.median < 0.06 && long.ninth < 0.25);
  });

  test('of thinking are near those recorded', (t) => {
    const thought = readPairs().filter(
      ({ usage }) => (usage.output_tokens_details?.thinking_tokens ?? 0) > 0,
    );
    const error = errorOf(
      thought.map((pair) => [
        usageHere(pair).output_tokens_details?.thinking_tokens ?? 0,
        pair.usage.output_tokens_details?.thinking_tokens ?? 0,
      ]),
    );
    t.diagnostic(`thinking ${error.text}`);
    assert.ok(thought.length >= 10 && error.median < 0.1);
  });

  test('of an answer cut at max_tokens are max_tokens, wherever it is cut', () => {
    const [longest] = readPairs().toSorted((a, b) => b.usage.output_tokens - a.usage.output_tokens);
    assert.ok(longest !== undefined);
    const whole = usageHere(longest).output_tokens;
    for (const maxTokens of [1, 7, 100, whole - 1]) {
      assert.equal(usageHere(longest, maxTokens).output_tokens, maxTokens);
    }
    assert.equal(usageHere(longest, whole).output_tokens, whole);
  });
});
