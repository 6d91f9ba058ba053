import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from 'millrace/simulator';
import packageJson from '../../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test('the example of README.md runs as it stands, in at most 12 lines', async () => {
  const example = /```ts\n([^`]*`[^`]*`[^`]*)```/.exec(readme)?.[1] ?? '';
  assert.ok(example.trim().split('\n').length <= 12);
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
