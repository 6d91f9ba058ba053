// A scenario that cannot be used, with everything that is wrong with it.

import { SimulatorError } from '../errors.ts';
import type { ScenarioPath, ScenarioProblem } from './shape.ts';

/** Beyond it only their number is said. */
const mostShown = 20;

export class ScenarioError extends SimulatorError {
  readonly problems: readonly ScenarioProblem[];

  /** `toPlace` says where in a file each problem is. */
  constructor(
    what: string,
    problems: readonly ScenarioProblem[],
    { toPlace, cause }: { toPlace?: (path: ScenarioPath) => string; cause?: unknown } = {},
  ) {
    const lines = problems.slice(0, mostShown).map(({ path, message }) => {
      const named = path.length === 0 ? message : `${toText(path)}: ${message}`;
      return toPlace === undefined ? named : `${toPlace(path)} ${named}`;
    });
    if (problems.length > mostShown) lines.push(`… and ${problems.length - mostShown} more`);
    const separator = lines.length === 1 ? ' ' : '\n  ';
    super('invalid_scenario', [`Cannot use ${what}:`, ...lines].join(separator), { cause });
    this.problems = problems;
  }
}

/** `rules[0].when.turn` */
function toText(path: ScenarioPath): string {
  const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`));
  return keys.join('').replace(/^\./, '');
}
