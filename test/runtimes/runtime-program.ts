// The programs of other runtimes, as npm brings them: each has a package for each platform, and npm takes the one for
// this. The packages' install scripts, which would only copy or link it, are not run.

import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';

const nodeModules = join(import.meta.dirname, '../../node_modules');

/** Where the program is: in the platform's package, or where an install script has put it. */
const places = {
  bun: ['@oven/bun-*/bin/bun{,.exe}', 'bun/bin/bun.exe'],
  deno: ['@deno/*/deno{,.exe}', 'deno/deno{,.exe}'],
  workerd: ['@cloudflare/workerd-*/bin/workerd{,.exe}', 'workerd/bin/workerd'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What stands in for a program until an install script has run is a few hundred bytes. */
const minProgramBytes = 1024 * 1024;

/** The path of the program. Throws where there is none: a runtime that was not tried is not one that passed. */
export function runtimeProgram(name: keyof typeof places, modules: string = nodeModules): string {
  const files = places[name].flatMap((pattern) => globSync(pattern, { cwd: modules }).toSorted());
  const found = files
    .map((file) => join(modules, file))
    .find((path) => statSync(path).size >= minProgramBytes);
  if (found !== undefined) return found;
  const platform = `${process.platform}-${process.arch}`;
  throw new Error(
    `Cannot find ${name} for ${platform} in ${modules} (looked for ${places[name].join(', ')}): ` +
      'run npm ci without --omit=dev or --omit=optional; if that does not bring it, there is none for this platform',
  );
}
