// `npm test`: sees to what the tests need beyond npm, runs them with node:test, and fails when nothing was tested.

import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { TestCounts } from './count-reporter.ts';
import { installPackage } from './install-package.ts';
import { requireNode } from './require-node.ts';
import { findRequirement, requirements, thisMachine } from './requirements.ts';
import type { Requirement, RequirementName } from './requirements.ts';
import { repositoryRoot, runCommand } from './run-command.ts';
import { filesThatNeed, findEmptiness, parseTestArguments, usage, UsageError } from './test-plan.ts';
import type { TestRequest } from './test-plan.ts';

/** A single test that hangs fails after this. */
const testLimitMs = 120_000;
/** An open handle that keeps a test file from ending is not seen by that limit; the whole run ends after this. */
const runLimitMs = 20 * 60_000;
/** With one process at a time, a test that only waits would hold up all others. */
const concurrency = Math.max(2, availableParallelism());

type TestFiles = ReadonlyMap<string, string>;

async function main(): Promise<number> {
  const request = parseTestArguments(process.argv.slice(2));
  const files = readTestFiles(request.patterns);
  const found = await meetRequirements(request, files);
  if (found === undefined) return 1;
  return await runTests([...files.keys()], { ...found, MILLRACE_WITHOUT: request.without.join(',') });
}

/** Absolute paths and texts. Throws a UsageError when a pattern matches no file. */
function readTestFiles(patterns: readonly string[]): TestFiles {
  const paths = patterns.flatMap((pattern) => {
    const matches = globSync(pattern, { cwd: repositoryRoot }).toSorted();
    if (matches.length === 0) throw new UsageError(`No file matches ${pattern}`);
    return matches.map((path) => resolve(repositoryRoot, path));
  });
  return new Map(paths.map((path) => [path, readFileSync(path, 'utf8')]));
}

/** The environment that tells the tests what was found, or undefined, with a word on stderr, when something lacks. */
async function meetRequirements(
  { without }: TestRequest,
  files: TestFiles,
): Promise<Record<string, string> | undefined> {
  const found: Record<string, string> = {};
  for (const [name, requirement] of Object.entries(requirements) as [
    RequirementName,
    Requirement | string,
  ][]) {
    const isLeftOut = without.includes(name);
    if (typeof requirement === 'string') {
      if (isLeftOut) console.error(`--without ${name} leaves nothing out: ${requirement}`);
      continue;
    }
    const users = filesThatNeed(requirement, files);
    if (isLeftOut) console.error(`LEFT OUT by --without ${name}: tests in ${nameFiles(users)}`);
    if (isLeftOut || users.length === 0) continue;
    const path = await obtain(name, requirement);
    if (path === undefined) return undefined;
    found[requirement.variable] = path;
  }
  return found;
}

async function obtain(name: RequirementName, requirement: Requirement): Promise<string | undefined> {
  let finding = findRequirement(requirement, thisMachine());
  if (finding.type === 'installable') {
    await installPackage(requirement.package, `Tests need ${requirement.title}, which is not here`);
    finding = findRequirement(requirement, thisMachine());
  }
  if (finding.type === 'found') return finding.path;
  const remedy = finding.type === 'missing' ? finding.remedy : 'its installation failed, see above';
  console.error(
    `Tests need ${requirement.title}: ${remedy}; or leave those tests out by: npm test -- --without ${name}`,
  );
  return undefined;
}

async function runTests(files: readonly string[], environment: Record<string, string>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const countsFile = join(folder, 'counts.json');
  // What one process has stripped of its types and compiled serves the next: of some hundred test files and programs,
  // each a process of its own, that is half of the time.
  const compiled = { NODE_COMPILE_CACHE: join(folder, 'compiled') };
  try {
    const { exitCode, isOverLimit } = await runCommand(
      [
        process.execPath,
        '--conditions=millrace-source',
        '--test',
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${testLimitMs}`,
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        `--test-reporter=${new URL('count-reporter.ts', import.meta.url).href}`,
        `--test-reporter-destination=${countsFile}`,
        ...files,
      ],
      { environment: { ...compiled, ...environment }, output: 'show', limitMs: runLimitMs },
    );
    if (isOverLimit)
      console.error(`The tests were stopped, for they had not ended after ${runLimitMs / 60_000} minutes`);
    if (exitCode !== 0 || isOverLimit) return exitCode || 1;
    const counts = JSON.parse(readFileSync(countsFile, 'utf8')) as TestCounts;
    const emptiness = findEmptiness(files, counts);
    if (emptiness !== undefined) console.error(`The tests fail, for ${emptiness}`);
    return emptiness === undefined ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function nameFiles(files: readonly string[]): string {
  if (files.length === 0) return 'no file of this run';
  return files.map((file) => relative(repositoryRoot, file)).join(', ');
}

requireNode();
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
