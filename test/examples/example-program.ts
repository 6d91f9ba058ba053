// A program of examples/client as a user runs it: a process of its own, without any key or address unless a test
// gives one.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const examplesFolder: string = join(import.meta.dirname, '../../examples/client');

export interface ExampleOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly args?: readonly string[] | undefined;
  /** Called with all of stdout so far whenever it has grown. */
  readonly onOutput?: ((stdout: string, interrupt: () => void) => void) | undefined;
}

export interface ExampleResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code, or the signal that ended it. */
  readonly ended: number | string | null;
}

/** What belongs to whoever runs the tests, and not to the example. */
const personal = /^(?:ANTHROPIC_|NODE_TEST_CONTEXT$)|_proxy$/i;

/** Runs it to its end. */
export async function runExampleProgram(
  name: string,
  { env = {}, args = [], onOutput }: ExampleOptions = {},
): Promise<ExampleResult> {
  const inherited = Object.entries(process.env).filter(([variable]) => !personal.test(variable));
  const file = join(examplesFolder, `${name}.ts`);
  const child = spawn(process.execPath, ['--conditions=millrace-source', file, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onOutput?.(stdout, () => child.kill('SIGINT'));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { stdout, stderr, ended: code ?? signal };
}
