// `npm run sbom`: what an installation of the package brings, as CycloneDX on stdout. It is npm's own list, made from
// the lockfile without a network, but of a project that has nothing for development: npm leaves out what is needed for
// both.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from './run-command.ts';

type Json = Readonly<Record<string, unknown>>;

interface Lockfile extends Json {
  readonly packages: Readonly<Record<string, Json>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(repositoryRoot, name), 'utf8'));

function withoutDevelopment({ devDependencies: _, ...manifest }: Json): Json {
  return manifest;
}

function installed({ packages, ...lockfile }: Lockfile): Lockfile {
  const kept = Object.entries(packages).filter(([, { dev }]) => dev !== true);
  return {
    ...lockfile,
    packages: Object.fromEntries(
      kept.map(([path, entry]) => [path, path === '' ? withoutDevelopment(entry) : entry]),
    ),
  };
}

const command = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--offline'];

const place = mkdtempSync(join(tmpdir(), 'millrace-sbom-'));
try {
  const manifest = withoutDevelopment(read('package.json') as Json);
  // npm calls the project by its folder.
  const folder = join(place, String(manifest['name']));
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const lockfile = installed(read('package-lock.json') as Lockfile);
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lockfile));
  const { stdout } = await promisify(execFile)('npm', command, { cwd: folder });
  process.stdout.write(stdout);
} finally {
  rmSync(place, { recursive: true });
}
