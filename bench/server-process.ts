// Starts a server that is measured, and asks it what it has used.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { FromServer, ToServer } from './simulator-server.ts';

type Start = Extract<ToServer, { type: 'start' }>;
type Usage = Extract<FromServer, { type: 'measured' }>;

export interface RunningServer extends Disposable {
  readonly ports: readonly number[];
  /** With `isAfterCollection`, memory is what is left after a garbage collection. */
  measure(isAfterCollection?: boolean): Promise<Usage>;
}

/** The process ends when this one does. */
export async function startServer(
  start: Pick<Start, 'server'> & Partial<Omit<Start, 'type'>>,
): Promise<RunningServer> {
  const child = fork(new URL('simulator-server.ts', import.meta.url), {
    execArgv: ['--conditions=millrace-source', '--expose-gc'],
  });
  child.once('exit', (code) => {
    if (code !== 0) throw new Error(`A server of the benchmark ended with ${String(code)}`);
  });
  const { ports } = await ask(child, { answer: '', sliceLength: 0, ...start, type: 'start' }, 'started');
  return {
    ports,
    measure: (isAfterCollection = false) => ask(child, { type: 'measure', isAfterCollection }, 'measured'),
    [Symbol.dispose]: () => child.disconnect(),
  };
}

async function ask<Type extends FromServer['type']>(
  child: ChildProcess,
  message: ToServer,
  type: Type,
): Promise<Extract<FromServer, { type: Type }>> {
  const replied = once(child, 'message') as Promise<[FromServer]>;
  child.send(message);
  const [reply] = await replied;
  if (reply.type !== type) throw new Error(`A "${reply.type}" came where "${type}" was waited for`);
  return reply as Extract<FromServer, { type: Type }>;
}
