// The program as a user runs it: a child process of bin/millrace.mjs.

import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { scriptProgram } from './requirements.ts';

export interface Program extends AsyncDisposable {
  /** Everything written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with the first match in stdout; rejects when the program ends without one. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGKILL'): void;
  /** Closes the reading end of stdout, as `head` does. */
  closeStdout(): void;
  /** Closes the reading end of stderr. */
  closeStderr(): void;
  /** The exit code, or the signal that ended the program. */
  readonly ended: Promise<number | string | null>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What is piped in; default nothing. `open` leaves the pipe open and writes nothing to it. */
  readonly stdin?: string | { readonly open: true };
  /** A file that stdout goes to, such as `/dev/full`; nothing of it is seen here. */
  readonly stdoutFile?: string;
  /** It runs at a terminal of its own, which ends when the program is killed; first it says its process as `pid 123`.
   * Ask `terminalSkip` before. */
  readonly isAtTerminal?: boolean;
}

const bin = join(import.meta.dirname, '../../bin/millrace.mjs');

/** Starts `millrace` with these arguments, without any key or address of the environment, and with a state folder of
 * its own. */
export function runProgram(
  args: readonly string[],
  { env = {}, stdin = '', stdoutFile, isAtTerminal }: RunOptions = {},
): Program {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('ANTHROPIC_'));
  const stateFolder = mkdtempSync(join(tmpdir(), 'millrace-state-'));
  const file = stdoutFile === undefined ? undefined : openSync(stdoutFile, 'w');
  const command = commandOf(args, isAtTerminal);
  const child = spawn(command[0], command.slice(1), {
    env: { ...Object.fromEntries(inherited), NODE_OPTIONS: '', XDG_STATE_HOME: stateFolder, ...env },
    stdio: ['pipe', file ?? 'pipe', 'pipe'],
  });
  if (file !== undefined) closeSync(file);
  child.stdin?.on('error', () => undefined);
  if (typeof stdin === 'string') child.stdin?.end(stdin);
  const seen = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      seen[name] += text;
      for (const look of waiting) look();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    rmSync(stateFolder, { recursive: true });
    return (code ?? signal) as number | string | null;
  });
  return {
    get stdout() {
      return seen.stdout;
    },
    get stderr() {
      return seen.stderr;
    },
    ended,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(seen.stdout);
          if (match === null) return;
          waiting.delete(look);
          resolve(match);
        };
        waiting.add(look);
        look();
        void ended.then(() =>
          reject(new Error(`ended without ${String(pattern)}: ${seen.stdout}${seen.stderr}`)),
        );
      }),
    signal: (name) => child.kill(name),
    closeStdout: () => child.stdout?.destroy(),
    closeStderr: () => child.stderr?.destroy(),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

function commandOf(args: readonly string[], isAtTerminal = false): [string, ...string[]] {
  const command: [string, ...string[]] = [process.execPath, bin, ...args];
  if (!isAtTerminal) return command;
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  return [scriptProgram, '-qfec', `echo pid $$; exec ${quoted.join(' ')}`, '/dev/null'];
}

/** Starts a command that serves, and resolves with its address. */
export async function startProgram(
  args: readonly string[],
  options?: RunOptions,
): Promise<Program & { url: string }> {
  const program = runProgram(args, options);
  const [, url = ''] = await program.waitFor(/^listening on (http:\/\/127\.0\.0\.1:[0-9]+)$/m);
  return Object.defineProperty(program, 'url', { value: url }) as Program & { url: string };
}
