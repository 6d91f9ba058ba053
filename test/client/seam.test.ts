// Where a continuation joins what was there: repetition by the model goes, repetition in the text stays.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StreamEventDecoder } from 'millrace/protocol';
import { Seam } from '../../src/client/seam.ts';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';

/** What is shown of `after` behind `before`, when it comes in pieces of so many characters. */
function shown(before: string, after: string, size = 7): string {
  const seam = new Seam(before);
  let text = '';
  for (let start = 0; start < after.length; start += size)
    text += seam.push(after.slice(start, start + size));
  return text + seam.end();
}

test('Seam drops the last words when the model says them again', () => {
  const cases: [before: string, after: string, shown: string][] = [
    ['over the quick', 'over the quick brown fox', ' brown fox'],
    ['He jumped over the qu', 'jumped over the quick brown fox', 'ick brown fox'],
    ['He said: "Come in, dear', '"Come in, dear friend."', ' friend."'],
    ['is 25 × 37 =', '25 × 37 = 925.', ' 925.'],
    ['and so it was that day.\n\n', 'so it was that day.\n\nThen', 'Then'],
  ];
  for (const [before, after, expected] of cases) {
    for (const size of [1, 3, 1000]) assert.equal(shown(before, after, size), expected, before);
  }
});

test('Seam drops the last words behind an ellipsis, in whatever case and with whatever marks', () => {
  const cases: [before: string, after: string, shown: string][] = [
    ['And so: over the Quick', '…over the quick brown fox', ' brown fox'],
    ['He jumped over the qu', '... jumped over the quick brown fox', 'ick brown fox'],
    ['that was **the** end.\n\nOr', '…the end or so', ' so'],
    ['is the [millrace](https://en.', '…is the millrace https enwikipedia.org', 'wikipedia.org'],
    ['not make the water run.\n', '…water run\n> He only', '> He only'],
    ['| 85', '…85 % |', ' % |'],
    ['over the quick', '…under the bridge', '…under the bridge'],
    ['and then', '… nothing', '… nothing'],
    ['wait for it...', '...for it', '...for it'],
  ];
  for (const [before, after, expected] of cases) {
    for (const size of [1, 3, 1000]) assert.equal(shown(before, after, size), expected, `${before}|${after}`);
  }
});

test('Seam leaves what the text itself repeats', () => {
  const cases: [before: string, after: string][] = [
    ['| a | b |\n|---|---|\n|---|', '---|\n| 1 | 2 |'],
    ['A rule:\n--------------------', '--------------------\n'],
    ['one of many lines\none of many lines\n', 'one of many lines\none of many lines\n'],
    ['a line that stands there twice\n', 'a line that stands there twice\nand no more'],
    ['a line that stands there twice', '\na line that stands there twice'],
    ['on and on and', ' on and on and on'],
    ['generation after', ' generation after generation'],
    ['| O(n log n) | O(n', ' log n) | O(n²) |'],
    ['天地玄黄宇宙洪荒', '天地玄黄宇宙洪荒'],
    ['ha', 'ha ha'],
    ['the the', ' the end'],
  ];
  for (const [before, after] of cases) {
    for (const size of [1, 3, 1000]) assert.equal(shown(before, after, size), after, `${before}|${after}`);
  }
});

test('Seam holds nothing back once the new text cannot be a repetition', () => {
  const seam = new Seam('over the quick');
  assert.equal(seam.push(' brown'), ' brown');
  assert.equal(seam.push(' fox'), ' fox');
  assert.equal(seam.end(), '');
});

test('Seam gives back what it held when no more comes', () => {
  const seam = new Seam('over the quick');
  assert.equal(seam.push('over'), '');
  assert.equal(seam.end(), 'over');
});

interface Text {
  readonly text: string;
  /** Where deltas ended. */
  readonly cuts: readonly number[];
}

function recordedTexts(): Text[] {
  const folder = join(sharedFolder() ?? '', 'streams/recorded');
  return readdirSync(folder).flatMap((file) => {
    const decoder = new StreamEventDecoder();
    let text = '';
    const cuts: number[] = [];
    for (const event of decoder.push(new Uint8Array(readFileSync(join(folder, file))))) {
      if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') continue;
      text += event.delta.text;
      cuts.push(text.length);
    }
    return text.length > 50 ? [{ text, cuts }] : [];
  });
}

/** Far more than a seam holds back. */
const behind = 1200;

test(
  'Seam never drops a character of a model that goes on exactly, in any recorded text',
  { skip: sharedSkip() },
  (t) => {
    let count = 0;
    for (const { text } of recordedTexts()) {
      const step = text.length > 3000 ? 7 : 1;
      for (let at = 1; at < text.length; at += step) {
        const rest = text.slice(at, at + behind);
        assert.equal(
          shown(text.slice(0, at), rest),
          rest,
          `behind ${JSON.stringify(text.slice(at - 60, at))}`,
        );
        count += 1;
      }
    }
    t.diagnostic(`${count} seams`);
    assert.ok(count > 10_000);
  },
);

/** How often a repetition of so many words at the end of a delta is not seen. */
function missesIn({ text, cuts }: Text, words: number): { count: number; missed: number } {
  const seams = cuts.flatMap((at) => {
    const before = text.slice(0, at);
    const start = [...before.matchAll(/\S+/g)].at(-words)?.index;
    const rest = text.slice(at, at + behind);
    return start === undefined || at < 40 || rest.length < 20 ? [] : [{ before, start, rest }];
  });
  const missed = seams.filter(
    ({ before, start, rest }) => shown(before, before.slice(start) + rest) !== rest,
  );
  return { count: seams.length, missed: missed.length };
}

test(
  'Seam misses at most one in a hundred repetitions of two to eight words',
  { skip: sharedSkip() },
  (t) => {
    const texts = recordedTexts();
    let all = 0;
    let allMissed = 0;
    for (const words of [2, 3, 4, 5, 6, 7, 8]) {
      const found = texts.map((text) => missesIn(text, words));
      const count = found.reduce((sum, each) => sum + each.count, 0);
      const missed = found.reduce((sum, each) => sum + each.missed, 0);
      t.diagnostic(`${words} words: ${missed} of ${count} missed`);
      assert.ok(count > 1000);
      if (words > 2) assert.ok(missed / count <= 0.01, `${words} words: ${missed} of ${count}`);
      all += count;
      allMissed += missed;
    }
    assert.ok(allMissed / all <= 0.01, `${allMissed} of ${all}`);
  },
);
