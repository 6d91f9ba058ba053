// What is wrong with something that somebody wrote, and how that is said.

export type Path = readonly (string | number)[];

export interface Problem {
  /** From the whole down to the value: `['rules', 0, 'when', 'turn']`. */
  readonly path: Path;
  /** What is there and what is wanted. */
  readonly message: string;
}

/** `rules[0].when.turn` */
function pathText(path: Path): string {
  const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`));
  return keys.join('').replace(/^\./, '');
}

/** The path, if there is one, and the message. */
export function problemText({ path, message }: Problem): string {
  return path.length === 0 ? message : `${pathText(path)}: ${message}`;
}

/** Beyond it only their number is said. */
const mostShown = 20;

/** One problem on the line of the heading, several on lines of their own. */
export function listOfProblems(heading: string, problems: readonly string[]): string {
  const lines = problems.slice(0, mostShown);
  if (problems.length > mostShown) lines.push(`… and ${problems.length - mostShown} more`);
  return [`${heading}:`, ...lines].join(lines.length === 1 ? ' ' : '\n  ');
}
