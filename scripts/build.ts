// Builds dist/: the layers by the compiler, then the page by Vite. What an earlier build left goes first, so that
// no file of a module that is gone gets into the package.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot, runCommand } from './run-command.ts';

/** All but the page, whose modules only Vite emits. Client, storage and relay have projects of their own for Node. */
const layers = [
  'protocol',
  'client',
  'client/tsconfig.node.json',
  'storage',
  'storage/tsconfig.node.json',
  'document',
  'simulator',
  'relay',
  'relay/tsconfig.node.json',
  'cli',
];

const page = 'src/web';

/** `dist`, and the compiler's notes on it: with the notes in place it would emit nothing for what has not changed. */
const leftovers = ['dist', 'node_modules/.cache/tsc'];

async function build(): Promise<number> {
  if (!existsSync(join(repositoryRoot, page, 'vite.config.ts'))) {
    process.stderr.write(`Cannot build the page: ${page}/vite.config.ts is not there\n`);
    return 1;
  }
  for (const leftover of leftovers) rmSync(join(repositoryRoot, leftover), { recursive: true, force: true });
  const compiled = await runCommand(['tsc', '-b', ...layers.map((layer) => `src/${layer}`)], {
    output: 'show',
  });
  if (compiled.exitCode !== 0) return compiled.exitCode;
  const bundled = await runCommand(['vite', 'build', page, '--logLevel', 'warn'], { output: 'show' });
  return bundled.exitCode;
}

process.exitCode = await build();
