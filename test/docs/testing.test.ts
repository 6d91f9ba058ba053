// docs/testing.md, docs/scenarios.md and the examples say what runs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSimulator, loadScenario } from 'millrace/simulator';

const root = join(import.meta.dirname, '../..');
const example = join(root, 'examples/test-your-app');

interface Run {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs Node with these arguments, apart from the run of tests that this one is part of. */
async function runNode(args: readonly string[]): Promise<Run> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--conditions=millrace-source', ...args], {
    cwd: root,
    env: { ...env, NODE_OPTIONS: '--conditions=millrace-source' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output };
}

function blocksOf(page: string, language: string): string[] {
  const blocks = page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'));
  return [...blocks].map(([, block = '']) => block);
}

test('each piece of code in docs/testing.md stands in examples/test-your-app', async () => {
  const page = await readFile(join(root, 'docs/testing.md'), 'utf8');
  const names = ['assistant.ts', 'assistant.test.ts', 'assistant.vitest.ts', 'weather.yaml'];
  const texts = await Promise.all(names.map((name) => readFile(join(example, name), 'utf8')));
  const blocks = [...blocksOf(page, 'ts'), ...blocksOf(page, 'yaml')];
  assert.ok(blocks.length >= 10, `${blocks.length} blocks were found`);
  for (const block of blocks)
    assert.ok(
      texts.some((text) => text.includes(block)),
      block,
    );
});

test('examples/test-your-app passes its tests under node:test', async () => {
  const { exitCode, output } = await runNode(['--test', join(example, 'assistant.test.ts')]);
  assert.equal(exitCode, 0, output);
  assert.match(output, /pass 7/);
});

test('examples/hono-relay passes its tests', async () => {
  const { exitCode, output } = await runNode(['--test', join(root, 'examples/hono-relay/app.test.ts')]);
  assert.equal(exitCode, 0, output);
  assert.match(output, /pass 1/);
});

test('examples/test-your-app passes its tests under vitest', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'millrace-vitest-'));
  try {
    // By its interface, for the command line has no option for where it keeps the results of a run.
    const program = `
      import { startVitest } from 'vitest/node';
      const options = { root: ${JSON.stringify(example)}, watch: false, fsModuleCache: false };
      const vite = { cacheDir: ${JSON.stringify(cache)}, configLoader: 'runner' };
      const vitest = await startVitest('test', [], options, vite);
      await vitest.close();`;
    const { exitCode, output } = await runNode(['--input-type=module', '--eval', program]);
    assert.equal(exitCode, 0, output);
    assert.match(output, /1 passed/);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
});

test('the scenarios of docs/scenarios.md can be used, and its complaints are those of the file it is about', async () => {
  const page = await readFile(join(root, 'docs/scenarios.md'), 'utf8');
  const folder = await mkdtemp(join(tmpdir(), 'millrace-docs-'));
  try {
    const file = join(folder, 'weather.yaml');
    const scenarios = blocksOf(page, 'yaml');
    assert.ok(scenarios.length > 0);
    for (const text of scenarios) {
      await writeFile(file, text);
      await createSimulator({ scenario: await loadScenario(file) }).close();
    }
    await writeFile(file, 'rules:\n  - wehn: { turn: 1 }\n    reply: 5\n');
    const error = await loadScenario(file).then(
      () => assert.fail('it was taken'),
      (cause: Error) => cause,
    );
    const complaints = error.message.replaceAll(file, 'weather.yaml');
    assert.equal(blocksOf(page, 'text')[0], `${complaints}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
