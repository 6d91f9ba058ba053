// What `npm test` decides without touching the machine: what was asked for, what that needs, and whether what came
// back is a test run at all.

import { parseArgs } from 'node:util';
import type { TestCounts } from './count-reporter.ts';
import { isRequirementName, requirements } from './requirements.ts';
import type { Requirement, RequirementName } from './requirements.ts';

export const usage: string = [
  'Usage: npm test -- [--without <names>] [test files …]',
  '',
  'Runs the test files given (paths or glob patterns), or all of test/**/*.test.ts.',
  `  --without <names>  leave out the tests that need these, by comma: ${Object.keys(requirements).join(', ')}`,
].join('\n');

/** Called wrongly; the usage goes with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface TestRequest {
  readonly patterns: readonly string[];
  readonly without: readonly RequirementName[];
}

/** Throws a UsageError on anything it does not know. */
export function parseTestArguments(parameters: readonly string[]): TestRequest {
  const { values, positionals } = parse(parameters);
  const names = (values.without ?? []).flatMap((list) => list.split(',')).map((name) => name.trim());
  const without = names.map((name) => {
    if (isRequirementName(name)) return name;
    throw new UsageError(`Nothing is called "${name}" in --without`);
  });
  return { patterns: positionals.length === 0 ? ['test/**/*.test.ts'] : positionals, without };
}

function parse(parameters: readonly string[]) {
  try {
    const options = { without: { type: 'string', multiple: true } } as const;
    return parseArgs({ args: [...parameters], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The files, of those given with their text, that need a requirement. */
export function filesThatNeed(
  requirement: Requirement,
  files: ReadonlyMap<string, string>,
): readonly string[] {
  return [...files].filter(([, text]) => text.includes(requirement.mark)).map(([file]) => file);
}

/** Why a run that Node calls a success is none: a test file, or the whole run, in which nothing ran. */
export function findEmptiness(files: readonly string[], counts: TestCounts): string | undefined {
  const silent = files.filter((file) => counts[file] === undefined);
  if (silent.length > 0) return `there is no test in ${silent.join(', ')}`;
  if (Object.values(counts).some(({ ran }) => ran > 0)) return undefined;
  return files.length === 0 ? 'no test file was found' : 'every test was skipped';
}
