// Runs one tool of the repository as a child process, with the tools of node_modules and their Node first on the
// PATH. Standard input is never handed on: no tool here asks anything, and in CI there may be none.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot: string = fileURLToPath(new URL('..', import.meta.url));

const toolsFolder = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));

export interface CommandOptions {
  /** Where it runs; the repository's root when absent. */
  readonly folder?: string;
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** `show` lets the child write to our own stdout and stderr, `collect` (the default) keeps what it writes. */
  readonly output?: 'collect' | 'show';
  /** After this time the child gets a SIGTERM; none when absent. */
  readonly limitMs?: number;
}

export interface CommandResult {
  /** As a shell has it: 128 and the signal's number when a signal ended it, 127 when it could not be started. */
  readonly exitCode: number;
  /** Both streams in the order they came; empty with `show`. */
  readonly output: string;
  /** Whether the limit ended it. */
  readonly isOverLimit: boolean;
}

/** Runs a command to its end. Never rejects. SIGINT and SIGTERM are handed on to the child meanwhile. */
export async function runCommand(
  command: readonly [string, ...string[]],
  { folder = repositoryRoot, environment = {}, output = 'collect', limitMs }: CommandOptions = {},
): Promise<CommandResult> {
  const [file, ...parameters] = command;
  const stdio = output === 'show' ? 'inherit' : 'pipe';
  const child = spawn(file, parameters, {
    cwd: folder,
    env: { ...process.env, PATH: `${toolsFolder}${delimiter}${process.env['PATH'] ?? ''}`, ...environment },
    stdio: ['ignore', stdio, stdio],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  let isOverLimit = false;
  const stopAtLimit = (): void => {
    isOverLimit = true;
    child.kill();
  };
  const limit = limitMs === undefined ? undefined : setTimeout(stopAtLimit, limitMs);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  try {
    const exitCode = await new Promise<number>((resolve) => {
      child.once('error', (error) => {
        chunks.push(Buffer.from(`Cannot run ${file}: ${error.message}\n`));
        resolve(127);
      });
      child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
    return { exitCode, output: Buffer.concat(chunks).toString(), isOverLimit };
  } finally {
    clearTimeout(limit);
    process.off('SIGINT', forward).off('SIGTERM', forward);
  }
}
