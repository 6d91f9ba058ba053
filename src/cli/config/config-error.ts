// A configuration that cannot be used, with everything that is wrong with it.

import { listOfProblems } from '../../document/index.ts';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  /** Each problem says its place, the setting and the reason. */
  constructor(problems: readonly string[], options: { cause?: unknown } = {}) {
    const shown = problems.map(withoutKeys);
    super(listOfProblems('Cannot use the configuration', shown), options);
    this.problems = shown;
  }
}

/** A key in the wrong place is still a key. */
function withoutKeys(problem: string): string {
  return problem.replaceAll(/\bsk-[\w-]{4,}/g, 'sk-…');
}
