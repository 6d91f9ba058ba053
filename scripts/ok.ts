// `npm run ok`: the one gate. Every step runs, also after one that failed; a step shows its output only when it
// failed, and one that read nothing has failed.

import { parseArgs } from 'node:util';
import { requireNode } from './require-node.ts';
import { runCommand } from './run-command.ts';

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** What the output holds when the tool has read something; absent where the tool sees to that by itself. */
  readonly proof?: RegExp;
}

const node = process.execPath;

const steps: readonly Step[] = [
  { name: 'format', command: ['oxfmt', '--check'], proof: /on [1-9]\d* files/ },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'], proof: /on [1-9]\d* files/ },
  { name: 'types', command: ['tsc', '-b', '--verbose'], proof: /test\/tsconfig\.json/ },
  { name: 'layers', command: [node, 'scripts/check-layers.ts'] },
  // An entry that matches no file is a hint to knip, and here an error.
  { name: 'dead code', command: ['knip', '--treat-config-hints-as-errors'] },
  { name: 'tests', command: [node, 'scripts/test.ts'] },
  { name: 'package', command: [node, 'scripts/check-package.ts'] },
  // Among the tests as well; here so that leaving those out does not leave these out.
  { name: 'sizes', command: [node, 'scripts/test.ts', 'test/sizes.test.ts'] },
];

/** Throws when a name is not that of a step: a misspelt one would leave nothing out. */
function selectSteps(parameters: readonly string[]): readonly Step[] {
  const options = { except: { type: 'string', multiple: true } } as const;
  const { values } = parseArgs({ args: [...parameters], options });
  const excepted = (values.except ?? []).flatMap((list) => list.split(','));
  for (const name of excepted) {
    if (!steps.some((step) => step.name === name)) throw new RangeError(`No step is called "${name}"`);
  }
  return steps.filter(({ name }) => !excepted.includes(name));
}

async function run({ name, command, proof }: Step): Promise<boolean> {
  const startedAt = performance.now();
  const { exitCode, output } = await runCommand(command);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const isProven = proof === undefined || proof.test(output);
  const isPassed = exitCode === 0 && isProven;
  console.log(`${isPassed ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)} ${seconds.padStart(6)} s`);
  if (isPassed) return true;
  console.log(output.trimEnd());
  if (!isProven) console.log(`${command.join(' ')} read nothing, or does not say so as it did`);
  return false;
}

async function main(): Promise<number> {
  const selected = selectSteps(process.argv.slice(2));
  const failed: string[] = [];
  // Whoever ends a step by a signal means the whole gate.
  let isInterrupted = false;
  const interrupt = (): void => void (isInterrupted = true);
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  for (const step of selected) if (!isInterrupted && !(await run(step))) failed.push(step.name);
  console.log(failed.length === 0 ? `all ${selected.length} steps are ok` : `failed: ${failed.join(', ')}`);
  return failed.length === 0 && selected.length > 0 ? 0 : 1;
}

requireNode();
try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(`Usage: npm run ok [-- --except <names>]   of: ${steps.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
}
