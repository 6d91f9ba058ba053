import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../..');

/** A program that says who it is and with what it was called, and exits with 7. */
const program = (name: string) =>
  `export async function main(argv) { console.log('${name}', ...argv); return 7; }\n`;

interface Folder extends Disposable {
  readonly path: string;
}

/** A temporary folder with the shim and these files around it. */
function createPackage(files: Readonly<Record<string, string>>, place = 'package'): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-shim-'));
  const path = join(folder, place);
  cpSync(join(root, 'bin'), join(path, 'bin'), { recursive: true });
  for (const [file, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(join(path, file, '..'), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function run({ path }: Folder, { nodeFlags = [] }: { nodeFlags?: readonly string[] } = {}) {
  const parameters = [...nodeFlags, join(path, 'bin/millrace.mjs'), 'serve', '--port', '1'];
  const { status, stdout, stderr } = spawnSync(process.execPath, parameters, { encoding: 'utf8' });
  return { exitCode: status, stdout, stderr };
}

/** Node's flags for a process that takes itself for another version. */
function pretend(version: string, { path }: Folder): readonly string[] {
  const file = join(path, 'pretend.mjs');
  const value = JSON.stringify({ ...process.versions, node: version });
  writeFileSync(file, `Object.defineProperty(process, 'versions', { value: ${value} });\n`);
  return ['--import', pathToFileURL(file).href];
}

const both = { 'src/cli/main.ts': program('source'), 'dist/cli/main.js': program('built') };

test('millrace starts the sources in a clone, hands on the arguments, and exits with the code it gets', () => {
  using clone = createPackage(both);
  assert.deepEqual(run(clone), { exitCode: 7, stdout: 'source serve --port 1\n', stderr: '' });
});

test('millrace starts the built program where there are no sources', () => {
  using unpacked = createPackage({ 'dist/cli/main.js': program('built') });
  assert.equal(run(unpacked).stdout, 'built serve --port 1\n');
});

test('millrace starts the built program below node_modules, even beside sources', () => {
  using installed = createPackage(both, 'node_modules/millrace');
  assert.equal(run(installed).stdout, 'built serve --port 1\n');
});

test('millrace says in one line that it is not built', () => {
  using clone = createPackage({});
  const { exitCode, stdout, stderr } = run(clone);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: '' });
  assert.match(stderr, /^millrace: dist\/cli\/main\.js is missing: .*npm run build.*\n$/);
});

for (const version of ['12.22.12', '18.20.8', '23.11.1']) {
  test(`millrace refuses Node ${version} in one line with the version found, the one wanted, and a way out`, () => {
    using clone = createPackage(both);
    const { exitCode, stdout, stderr } = run(clone, { nodeFlags: pretend(version, clone) });
    assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: '' });
    assert.match(
      stderr,
      /^millrace: this is Node [\d.]+, and Node 24 or newer is needed: .*npm run millrace -- .*\n$/,
    );
    assert.ok(stderr.includes(`Node ${version},`), stderr);
  });
}

test('millrace takes Node 24.0.0 and 100.0.0', () => {
  using clone = createPackage(both);
  for (const version of ['24.0.0', '100.0.0']) {
    assert.equal(run(clone, { nodeFlags: pretend(version, clone) }).exitCode, 7, version);
  }
});

test('millrace wants the Node that package.json wants', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const shim = readFileSync(join(root, 'bin/millrace.mjs'), 'utf8');
  assert.ok(
    shim.includes(`wantedMajor = ${manifest.engines.node.replace('>=', '')};`),
    manifest.engines.node,
  );
});

test('a signal to millrace reaches the program', async () => {
  const waiting = `export function main() {
    const timer = setInterval(() => {}, 1000);
    return new Promise((resolve) => {
      process.once('SIGTERM', () => { clearInterval(timer); resolve(9); });
      console.log('ready');
    });
  }`;
  using clone = createPackage({ 'src/cli/main.ts': waiting });
  const child = spawn(process.execPath, [join(clone.path, 'bin/millrace.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [9, null]);
});
