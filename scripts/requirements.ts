// What the tests need beyond npm: a table, and how each entry is found, or got where it is missing.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Requirement {
  /** As in "this run needs …". */
  readonly title: string;
  /** The environment variable that names the program, and by which the tests are told what was found. */
  readonly variable: string;
  /** What the program may be called, best first. */
  readonly programs: readonly string[];
  /** Debian's package of it. */
  readonly package: string;
  /** A test file in which this word stands needs it. */
  readonly mark: string;
}

/** Each by its name for `--without`; a string says why there is nothing to need. */
export const requirements = {
  browser: {
    title: 'Chromium',
    variable: 'MILLRACE_CHROMIUM',
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    package: 'chromium',
    mark: 'browserSkip',
  },
  nginx: {
    title: 'nginx',
    variable: 'MILLRACE_NGINX',
    // Who is not root has no sbin on the PATH.
    programs: ['nginx', '../sbin/nginx'],
    package: 'nginx-light',
    mark: 'nginxSkip',
  },
  redis: 'no test needs a Redis server yet',
} as const satisfies Readonly<Record<string, Requirement | string>>;

export type RequirementName = keyof typeof requirements;

/** The machine as far as it matters here; an argument, so that tests can be on any machine. */
export interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  exists(path: string): boolean;
}

export type Finding =
  | { readonly type: 'found'; readonly path: string }
  /** Not there, and we may install it. */
  | { readonly type: 'installable' }
  /** Not there, and this is what a person has to do. */
  | { readonly type: 'missing'; readonly remedy: string };

export function isRequirementName(name: string): name is RequirementName {
  return Object.hasOwn(requirements, name);
}

/** The machine this process runs on. */
export function thisMachine(): Machine {
  return { environment: process.env, isRoot: process.getuid?.() === 0, exists: existsSync };
}

/** Looks for what a requirement names, first where its variable says. Starts and changes nothing. */
export function findRequirement(requirement: Requirement, machine: Machine): Finding {
  const { variable, title } = requirement;
  const named = machine.environment[variable];
  if (named !== undefined && named !== '') {
    if (machine.exists(named)) return { type: 'found', path: named };
    return { type: 'missing', remedy: `${variable} names ${named}, which is not there` };
  }
  const path = pathsOf(requirement, machine).find((candidate) => machine.exists(candidate));
  if (path !== undefined) return { type: 'found', path };
  const isDebian = machine.exists('/etc/debian_version') && machine.exists('/usr/bin/apt-get');
  if (isDebian && machine.isRoot) return { type: 'installable' };
  const way = isDebian
    ? `run: sudo apt-get install ${requirement.package}`
    : `install ${title} (on Debian: apt-get install ${requirement.package})`;
  return { type: 'missing', remedy: `${way}, or name the program in ${variable}` };
}

function pathsOf({ programs }: Requirement, { environment }: Machine): readonly string[] {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return programs.flatMap((program) => folders.map((folder) => join(folder, program)));
}
