// Listening, with an error that says what to do.

import type { Server } from 'node:http';

import { SimulatorError } from './errors.ts';

/** Rejects with a SimulatorError: `port_in_use` or `cannot_listen`. */
export function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(toListenError(cause, `${host}:${port}`));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function toListenError(cause: NodeJS.ErrnoException, address: string): SimulatorError {
  const isTaken = cause.code === 'EADDRINUSE';
  const reason = isTaken ? 'the port is in use; another one, or 0 for any free one, will do' : cause.message;
  return new SimulatorError(
    isTaken ? 'port_in_use' : 'cannot_listen',
    `Cannot listen on ${address}: ${reason}`,
    {
      cause,
    },
  );
}
