// `npm test` itself, on test files in a temporary folder.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const script = join(import.meta.dirname, '../../scripts/test.ts');

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the script on one test file with this text. */
function runOn(text: string, parameters: readonly string[] = []): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-of-tests-'));
  try {
    const file = join(folder, 'sample.test.ts');
    writeFileSync(file, text);
    return run([file, ...parameters]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(parameters: readonly string[]): Outcome {
  // Node refuses to run tests below a test that it runs itself, which it knows by this variable.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawnSync(process.execPath, [script, ...parameters], { encoding: 'utf8', env });
  return { exitCode: child.status, stdout: child.stdout, stderr: child.stderr };
}

const head = `import assert from 'node:assert/strict';\nimport { test } from 'node:test';\n`;

test('npm test succeeds when a test ran and none failed', () => {
  const { exitCode, stdout, stderr } = runOn(`${head}test('one', () => {});`);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /✔ one/);
});

test('npm test fails when a test fails', () => {
  const { exitCode, stdout } = runOn(`${head}test('one', () => {});\ntest('two', () => assert.fail());`);
  assert.equal(exitCode, 1);
  assert.match(stdout, /✖ two/);
});

test('npm test fails when a file holds no test', () => {
  const { exitCode, stderr } = runOn('export {};');
  assert.equal(exitCode, 1);
  assert.match(stderr, /there is no test in \S+sample\.test\.ts/);
});

test('npm test fails when every test is skipped', () => {
  const { exitCode, stderr } = runOn(`${head}test('one', { skip: 'a reason' }, () => {});`);
  assert.equal(exitCode, 1);
  assert.match(stderr, /every test was skipped/);
});

test('npm test tells the tests what is left out, and says so itself', () => {
  const { exitCode, stderr } = runOn(
    `${head}test('one', () => assert.equal(process.env.MILLRACE_WITHOUT, 'browser,redis')); // browserSkip`,
    ['--without', 'browser,redis'],
  );
  assert.equal(exitCode, 0, stderr);
  assert.match(stderr, /LEFT OUT by --without browser: tests in \S+sample\.test\.ts/);
  assert.match(stderr, /--without redis leaves nothing out: no test needs a Redis server yet/);
});

test('npm test exits with 2 and its usage when called wrongly', () => {
  for (const parameters of [['--without', 'sleep'], ['test/no-such-file.test.ts'], ['--unknown']]) {
    const { exitCode, stderr } = run(parameters);
    assert.equal(exitCode, 2, parameters.join(' '));
    assert.match(stderr, /Usage: npm test/);
  }
});
