// Starts a relay that kills itself.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Death } from './mortal-relay.ts';

const program = join(import.meta.dirname, 'mortal-relay.ts');

export interface Mortal extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}

export async function startMortal(file: string, upstream: string, death: Death): Promise<Mortal> {
  const child = spawn(
    process.execPath,
    ['--conditions=millrace-source', program, file, upstream, JSON.stringify(death)],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
  );
  const ended = once(child, 'exit');
  const said = once(child.stdout.setEncoding('utf8'), 'data') as Promise<[string]>;
  const first = await Promise.race([said, ended]);
  return {
    child,
    // One that dies of what it finds at its start says nothing.
    url: typeof first[0] === 'string' && first[0].startsWith('http') ? first[0].trim() : '',
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
