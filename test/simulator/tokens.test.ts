// Token counts beside recorded usage.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import fc from 'fast-check';

import { countText, TokenCounter } from '../../src/simulator/count-text.ts';
import { resolveModel } from '../../src/simulator/models.ts';
import { sumTokens, toPromptParts } from '../../src/simulator/prompt-parts.ts';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';

describe('countText()', () => {
  test('counts words, digits by three, marks, and letters without end', () => {
    for (const [text, tokens] of [
      ['', 0],
      ['  ', 0],
      ['Hello there', 2.14],
      ['17 * 23', 5.1],
      ['1234', 4.2],
      ['a\n\nb', 3.34],
      ['camelCase', 2.14],
      ['**bold**', 3.17],
      ['---', 1.2],
      ['x'.repeat(412), 101.07],
      ['日本', 2.6],
      ['é😀', 4],
    ] as const) {
      assert.ok(Math.abs(countText(text) - tokens) < 1e-9, `${JSON.stringify(text)}: ${countText(text)}`);
    }
  });

  test('is the same in pieces, wherever they are cut', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', 'B', '7', ' ', '\n', '*', 'é', '日', '😀'),
      maxLength: 60,
    });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(9)), (text, lengths) => {
        const counter = new TokenCounter();
        let rest = text;
        for (const length of [...lengths, text.length]) {
          assert.equal(counter.push(rest.slice(0, length)), Math.min(length, rest.length));
          rest = rest.slice(length);
        }
        assert.equal(counter.tokens, countText(text));
      }),
    );
  });

  test('adds up over words', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { maxLength: 20 });
    fc.assert(
      fc.property(words, (list) => {
        const sum = list.reduce((total, word) => total + countText(word), 0);
        assert.ok(Math.abs(countText(list.join(' ')) - sum) < 1e-6);
      }),
    );
  });
});

interface Pair {
  readonly model: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly usage: Readonly<Record<string, number | null>>;
  readonly source: string;
}

/** What no estimate from text knows: data, server tools, schemas of answers, what a recorder blacked out. */
const unknowable =
  /"image"|"document"|media_type|mcp_servers|container_upload|output_config|output_format|REDACTED|server_tool/;

function isComparable({ request, usage }: Pair): boolean {
  const tools = (request['tools'] ?? []) as { type?: string }[];
  const isOwn = tools.every(({ type }) => type === undefined || type === 'custom');
  return isOwn && !unknowable.test(JSON.stringify(request)) && totalOf(usage) > 0;
}

function totalOf(usage: Pair['usage']): number {
  const names = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'];
  return names.reduce((total, name) => total + (usage[name] ?? 0), 0);
}

/** The quarter of the recordings that no weight was fitted to. */
function isHeldOut({ source }: Pair): boolean {
  return BigInt(`0x${createHash('sha256').update(source).digest('hex')}`) % 4n === 0n;
}

describe('input tokens', { skip: sharedSkip() }, () => {
  test('are near those of recordings that nothing was fitted to', (t) => {
    const text = gunzipSync(readFileSync(join(sharedFolder() ?? '', 'http/usage_pairs.jsonl.gz'))).toString();
    const pairs = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Pair)
      .filter((pair) => isComparable(pair) && isHeldOut(pair));
    const errors = pairs
      .map(({ model, request, usage }) => {
        const tokens = sumTokens(toPromptParts(request, resolveModel(model) ?? model));
        return Math.abs(tokens / totalOf(usage) - 1);
      })
      .sort((a, b) => a - b);
    const quantile = (share: number): number => errors[Math.floor(errors.length * share)] ?? Infinity;
    const within = errors.filter((error) => error <= 0.1).length / errors.length;
    const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
    t.diagnostic(
      `${errors.length} requests: half within ${percent(quantile(0.5))}, nine of ten within ${percent(quantile(0.9))}, ${percent(within)} within 10 %`,
    );
    assert.ok(errors.length > 100);
    assert.ok(quantile(0.5) < 0.03 && quantile(0.9) < 0.25 && within > 0.8);
  });
});
