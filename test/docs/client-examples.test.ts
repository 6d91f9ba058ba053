import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from 'millrace/simulator';

const root = join(import.meta.dirname, '../..');

/** What each example prints, in the order of the page. */
const pages = {
  'docs/tools.md': [/^get_weather: .+\nHere is what came back:[^]*"degrees":21/, /Soup 2\nBoil, Stir\n$/],
  'docs/conversation.md': [/And a tail race\?[^]*\n4 turns, [0-9]+ tokens\n$/, /1970-01-01[^]*\n4 turns\n$/],
};

for (const [page, outputs] of Object.entries(pages)) {
  const examples = [...readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([^]*?)```/g)];
  test(`${page} has ${outputs.length} examples`, () => {
    assert.equal(examples.length, outputs.length);
  });
  for (const [index, [, example = '']] of examples.entries()) {
    test(`example ${index + 1} of ${page} runs as it stands`, async () => {
      await using simulator = await startSimulator({ speed: 0 });
      const child = spawn(
        process.execPath,
        ['--conditions=millrace-source', '--input-type=module-typescript', '-'],
        {
          cwd: root,
          env: { ...process.env, ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: simulator.url },
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      );
      child.stdin.end(example);
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      const [exitCode] = (await once(child, 'close')) as [number];
      assert.equal(exitCode, 0);
      assert.match(output, outputs[index]!);
    });
  }
}
