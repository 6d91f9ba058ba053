// TLS in front of a server that has none.

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { passOn } from '../support/pass-on.ts';
import type { SelfSigned } from '../support/self-signed.ts';

export interface TlsFront extends AsyncDisposable {
  readonly url: string;
}

export async function startTlsFront(target: string, { key, cert }: SelfSigned): Promise<TlsFront> {
  const server = createServer({ key, cert }, (request, response) => passOn(request, response, target));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
