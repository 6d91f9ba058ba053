import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runExample } from '../support/run-example.ts';
import packageJson from '../../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test('the example of README.md runs as it stands, in at most 12 lines', async () => {
  const example = /```ts\n([^`]*`[^`]*`[^`]*)```/.exec(readme)?.[1] ?? '';
  assert.ok(example.trim().split('\n').length <= 12);
  const { output, exitCode } = await runExample(example);
  assert.equal(exitCode, 0);
  assert.match(output, /How does a mill race work\?[^]*\n[0-9]+ tokens\n$/);
});

test('the commands of README.md are scripts of the package', () => {
  const scripts = [...readme.matchAll(/npm (?:run )?(start|test|millrace)\b/g)].map(([, name]) => name!);
  assert.ok(scripts.length >= 3);
  for (const name of scripts) assert.ok(name in packageJson.scripts, name);
});

test('the links of README.md lead to files that are there', () => {
  const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!);
  assert.ok(links.length > 8);
  for (const path of links) assert.ok(existsSync(join(root, path)), path);
});
