import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from 'millrace/simulator';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/client.md'), 'utf8');
const examples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);

/** What each example prints, in the order of the page. */
const expected = [
  /mill race[^]*\nend_turn\n$/,
  /^0 of 3\n[^]*3 of 3\ncomplete one\ncomplete two\ncomplete three\nfour\n$/,
  /mill race/,
  /text: 'one'/,
];

test('docs/client.md has an example for each expectation', () => {
  assert.equal(examples.length, expected.length);
});

for (const [index, code] of examples.entries()) {
  test(`example ${index + 1} of docs/client.md runs as it stands`, async () => {
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
    child.stdin.end(code);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [exitCode] = (await once(child, 'close')) as [number];
    assert.equal(exitCode, 0);
    assert.match(output, expected[index] ?? /^$/);
  });
}
