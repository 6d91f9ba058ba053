// reliability, section 4, the row “Supply chain”: what comes with the package is little, known, and the same each time.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { runCommand } from '../../scripts/run-command.ts';
import { makeFolder } from '../support/folder.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly publishConfig: Readonly<Record<string, unknown>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
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

const exact = /^\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/;

/** pino brings twelve; one more is to be a decision. */
const mostInstalled = 15;

test('Supply chain: an installation has few packages, and each that is asked for has a decision', () => {
  assert.ok(
    installed.length > 0 && installed.length <= mostInstalled,
    installed.map(([path]) => path).join(),
  );
  const decisions = globSync('docs/decisions/*.md', { cwd: root });
  for (const name of Object.keys(manifest.dependencies)) {
    const decision = decisions.find((path) => path.endsWith(`-${name}.md`));
    assert.ok(read(decision ?? '').includes(`\`${name}\``), `${name} has a file in docs/decisions`);
  }
});

test('Supply chain: versions are exact, and every package is known by its digest', () => {
  const asked = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(asked))
    assert.match(version.replace(/^npm:[@\w/.-]+@/, ''), exact, name);
  assert.ok(locked.length > 100, `${locked.length} packages`);
  for (const [path, { version, integrity, optional, resolved, link }] of locked) {
    assert.match(version, exact, `${path} is of a registry, and no folder, address or repository`);
    assert.equal(link, undefined, path);
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
  const { allowScripts } = manifest;
  assert.deepEqual(allowScripts, { bun: false, deno: false, node: true, workerd: false });
  assert.match(read('.ci/run'), /^npm ci$/m, 'what the lockfile says and nothing else');
});

test('Supply chain: no file says which registry is asked', () => {
  const files = ['package.json', 'package-lock.json', '.npmrc', '.ci/run', 'deploy/Dockerfile'];
  const there = files.filter((file) => existsSync(join(root, file)));
  assert.ok(there.length >= 4);
  for (const file of there) assert.doesNotMatch(read(file), /\bregistry[.=:]|npmjs\.|yarnpkg\./, file);
});

test('Supply chain: what a workflow takes from others is pinned by its commit', () => {
  const workflows = globSync('{.github,.gitlab,.forgejo,.gitea}/**/*.{yml,yaml}', { cwd: root });
  for (const file of workflows) {
    for (const [line, place = ''] of read(file).matchAll(/\buses: *['"]?([^\s'"#]+)/g))
      assert.match(place, /^\.\/|@[0-9a-f]{40}$/, `${file}: ${line}`);
  }
  // There are none by now: every check is in .ci/run, which takes nothing from others but npm's packages.
  const steps = read('.ci/run')
    .split('\n')
    .filter((line) => /^(?:npm|node|curl|wget|git|docker) /.test(line));
  assert.deepEqual(steps, ['npm ci', 'npm test', 'npm run ok -- --except tests']);
});

test('Supply chain: `npm run sbom` says exactly what an installation brings, each by its digest, without a network', async () => {
  const { stdout } = await run(process.execPath, ['scripts/sbom.ts'], { cwd: root });
  const { bomFormat, metadata, components } = JSON.parse(stdout) as {
    bomFormat: string;
    metadata: { component: { name: string; version: string } };
    components: { name: string; version: string; hashes: { alg: string; content: string }[] }[];
  };
  const { name, version } = metadata.component;
  assert.deepEqual([bomFormat, name, version], ['CycloneDX', manifest.name, manifest.version]);
  const digest = ({ alg, content }: { alg: string; content: string }): string =>
    `${alg.toLowerCase().replace('-', '')}-${Buffer.from(content, 'hex').toString('base64')}`;
  assert.deepEqual(
    components.map((each) => [each.name, each.version, ...each.hashes.map(digest)].join(' ')).toSorted(),
    installed.map(([path, entry]) => [nameOf(path), entry.version, entry.integrity].join(' ')).toSorted(),
  );
});

test('Supply chain: nobody publishes by hand, since npm wants to say by which run it was built', async () => {
  const sent: string[] = [];
  const registry = createServer((request, response) => {
    if (request.method === 'PUT') sent.push(request.url ?? '');
    request.resume();
    response
      .writeHead(request.method === 'PUT' ? 200 : 404, { 'content-type': 'application/json' })
      .end('{}');
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  using place = makeFolder();
  const { port } = registry.address() as AddressInfo;
  const { name, publishConfig } = manifest;
  const folder = dirname(
    place.write('package.json', JSON.stringify({ name, version: '0.0.1', publishConfig })),
  );
  const settings = `registry=http://127.0.0.1:${port}/\n//127.0.0.1:${port}/:_authToken=x\n`;
  const environment = {
    npm_config_userconfig: place.write('settings', settings),
    CI: '',
    GITHUB_ACTIONS: '',
    GITLAB_CI: '',
  };
  const publish = (...parameters: string[]) =>
    runCommand(['npm', 'publish', ...parameters], { folder, environment });
  try {
    const byHand = await publish();
    assert.notEqual(byHand.exitCode, 0);
    assert.match(byHand.output, /provenance/);
    assert.deepEqual(sent, []);
    // The very first one of a name, before which there is nobody to trust.
    const first = await publish('--provenance=false');
    assert.deepEqual([first.exitCode, sent], [0, [`/${name}`]], first.output);
  } finally {
    registry.closeAllConnections();
    registry.close();
  }
});
