// Checks the package as a user gets it: packs it, reads what is in it, has two linters for packages look at it, and
// uses it from a folder outside of the repository, where neither the sources nor their condition are at hand.

import {
  accessSync,
  constants,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot, runCommand } from './run-command.ts';
import type { CommandResult } from './run-command.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

interface Package {
  /** An empty folder but for the package, its dependencies and its peers in node_modules: a project that uses it. */
  readonly project: string;
  /** The unpacked package in it. */
  readonly folder: string;
  readonly tarball: string;
  readonly manifest: Manifest;
  /** Every file, from the package's folder. */
  readonly files: readonly string[];
}

/** Only these may be in the package, besides what npm always adds. */
const allowed = /^(bin|deploy|dist|docs)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;

/** TypeScript but for declarations, and the compiler's notes. */
const unwanted = /(?<!\.d)\.[mc]?tsx?$|\.tsbuildinfo$/;

const required = ['LICENSE', 'README.md', 'bin/millrace.mjs', 'dist/cli/main.js', 'dist/web/index.html'];

type Check = (unpacked: Package) => Promise<readonly string[]> | readonly string[];

/** Each gives what is wrong, as lines for a person. */
const checks: readonly Check[] = [findWrongFiles, lint, importDoors, runProgram];

function findWrongFiles({ files, manifest, folder }: Package): readonly string[] {
  // The condition for the sources leads nowhere in the package, on purpose.
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string'
      ? [target]
      : Object.keys(target).flatMap((condition) =>
          condition === 'millrace-source' ? [] : [target[condition] ?? ''],
        ),
  );
  const wanted = [...required, ...targets.map((target) => target.replace(/^\.\//, ''))];
  return [
    ...files
      .filter((file) => !allowed.test(file) || unwanted.test(file))
      .map((file) => `${file} must not be in it`),
    ...wanted.filter((file) => !files.includes(file)).map((file) => `${file} is not in it`),
    ...Object.values(manifest.bin)
      .filter((file) => !isExecutable(join(folder, file)))
      .map((file) => `${file} is not executable`),
  ];
}

async function lint({ tarball }: Package): Promise<readonly string[]> {
  return [
    ...problemsOf('publint', await runCommand(['publint', 'run', tarball, '--strict'])),
    ...problemsOf('attw', await runCommand(['attw', tarball, '--profile', 'esm-only'])),
  ];
}

async function importDoors({ manifest, project }: Package): Promise<readonly string[]> {
  const doors = Object.keys(manifest.exports).filter((door) => !door.endsWith('.json'));
  if (doors.length === 0) return ['it has no door'];
  const problems: string[] = [];
  for (const door of doors) {
    const name = join(manifest.name, door);
    const program = `process.exitCode = Object.keys(await import('${name}')).length > 0 ? 0 : 3;`;
    const parameters = ['--input-type=module', '--eval', program] as const;
    const result = await runCommand([process.execPath, ...parameters], { folder: project });
    if (result.exitCode === 3) problems.push(`${name} exports nothing`);
    else problems.push(...problemsOf(`import of ${name}`, result));
  }
  return problems;
}

async function runProgram({ manifest, folder, project }: Package): Promise<readonly string[]> {
  const program = join(folder, 'bin/millrace.mjs');
  const result = await runCommand([process.execPath, program, '--version'], { folder: project });
  const problems = problemsOf('millrace --version', result);
  if (problems.length > 0 || result.output.trim() === manifest.version) return problems;
  return [`millrace --version says ${result.output.trim()}, and package.json ${manifest.version}`];
}

function problemsOf(name: string, { exitCode, output }: CommandResult): readonly string[] {
  return exitCode === 0 ? [] : [`${name} fails with exit code ${exitCode}:\n${output}`];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Packs, which builds first by npm's own rules, and unpacks into a project. Throws when that fails. */
async function packInto(project: string): Promise<Package> {
  await runOrThrow(['npm', 'pack', '--silent', '--pack-destination', project]);
  const [tarball = ''] = globSync(join(project, '*.tgz'));
  const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as Manifest;
  const folder = join(project, 'node_modules', manifest.name);
  mkdirSync(folder, { recursive: true });
  await runOrThrow(['tar', '-xzf', tarball, '-C', folder, '--strip-components=1']);
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(repositoryRoot, 'node_modules', name), link);
  }
  const files = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return { project, folder, tarball, manifest, files };
}

async function runOrThrow(command: readonly [string, ...string[]]): Promise<void> {
  const [problem] = problemsOf(command.slice(0, 2).join(' '), await runCommand(command));
  if (problem !== undefined) throw new Error(problem);
}

async function main(): Promise<number> {
  const project = mkdtempSync(join(tmpdir(), 'millrace-package-'));
  try {
    const unpacked = await packInto(project);
    const problems: string[] = [];
    for (const check of checks) problems.push(...(await check(unpacked)));
    for (const problem of problems) console.error(problem);
    console.log(`${unpacked.files.length} files in the package, ${problems.length} problems`);
    return problems.length === 0 && existsSync(unpacked.tarball) ? 0 : 1;
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

process.exitCode = await main();
