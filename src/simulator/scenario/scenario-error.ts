// A scenario that cannot be used, with everything that is wrong with it.

import { listOfProblems, problemText } from '../../document/index.ts';
import type { Path, Problem } from '../../document/index.ts';
import { SimulatorError } from '../errors.ts';

export class ScenarioError extends SimulatorError {
  readonly problems: readonly Problem[];

  /** `toPlace` says where in a file each problem is. */
  constructor(
    what: string,
    problems: readonly Problem[],
    { toPlace, cause }: { toPlace?: (path: Path) => string; cause?: unknown } = {},
  ) {
    const lines = problems.map((problem) =>
      toPlace === undefined ? problemText(problem) : `${toPlace(problem.path)} ${problemText(problem)}`,
    );
    super('invalid_scenario', listOfProblems(`Cannot use ${what}`, lines), { cause });
    this.problems = problems;
  }
}
