// reliability, section 4, the row “Supply chain”: what comes with the package is little, known, and the same each time.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest = JSON.parse(read('package.json')) as Manifest;
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
const locked = Object.entries(packages).filter(([path]) => path !== '');
const installed = locked.filter(([, { dev }]) => dev !== true);
const nameOf = (path: string): string =>
  path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** pino brings twelve; one more is to be a decision. */
const mostInstalled = 15;

test('Supply chain: an installation has few packages, and each that is asked for has a decision', () => {
  assert.ok(
    installed.length > 0 && installed.length <= mostInstalled,
    installed.map(([path]) => path).join(),
  );
  const decisions = globSync('docs/decisions/*.md', { cwd: root }).map(read).join('\n');
  for (const name of Object.keys(manifest.dependencies))
    assert.ok(decisions.includes(`\`${name}\``), `${name} has a file in docs/decisions`);
});

test('Supply chain: versions are exact, and every package is known by its digest', () => {
  const asked = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(asked))
    assert.match(version, /^(?:npm:[@\w/.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/, name);
  assert.ok(locked.length > 100, `${locked.length} packages`);
  for (const [path, { integrity, optional, resolved }] of locked) {
    // What is made for other systems is not installed here, and the lockfile does not know it.
    if (integrity !== undefined || optional !== true) assert.match(integrity ?? '', /^sha512-/, path);
    assert.equal(resolved, undefined, `${path} comes from whatever registry is asked`);
  }
});

test('Supply chain: no package of an installation runs anything while it is installed', () => {
  assert.deepEqual(
    installed.filter(([, { hasInstallScript }]) => hasInstallScript === true),
    [],
  );
  const others = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  assert.deepEqual(others.map(([path]) => nameOf(path)).toSorted(), ['bun', 'deno', 'node', 'workerd']);
  assert.match(read('.ci/run'), /^npm ci$/m, 'what the lockfile says and nothing else');
});
