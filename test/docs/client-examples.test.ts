import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runExample } from '../support/run-example.ts';

const root = join(import.meta.dirname, '../..');

/** What each example prints, in the order of the page. */
const pages = {
  'docs/client.md': [
    /mill race[^]*\nend_turn\n$/,
    /mill race[^]*\ncomplete, 1 of 1\n$/,
    /^0 of 3\n[^]*3 of 3\ncomplete one\ncomplete two\ncomplete three\nfour\n$/,
    /mill race/,
    /text: 'one'/,
  ],
  'docs/tools.md': [/^get_weather: .+\nHere is what came back:[^]*"degrees":21/, /Soup 2\nBoil, Stir\n$/],
  'docs/conversation.md': [/And a tail race\?[^]*\n4 turns, [0-9]+ tokens\n$/, /1970-01-01[^]*\n4 turns\n$/],
  'docs/recovery.md': [/^$/],
};

for (const [page, outputs] of Object.entries(pages)) {
  const examples = [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([^]*?)^```$/gm)];
  test(`${page} has ${outputs.length} examples`, () => {
    assert.equal(examples.length, outputs.length);
  });
  for (const [index, [, example = '']] of examples.entries()) {
    test(`example ${index + 1} of ${page} runs as it stands`, async () => {
      const { output, exitCode } = await runExample(example);
      assert.equal(exitCode, 0);
      assert.match(output, outputs[index]!);
    });
  }
}
