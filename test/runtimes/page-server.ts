// A page and an API at one origin: what is not the page's goes on to the API, and breaks off as that does.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { passOn } from '../support/pass-on.ts';

export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves an empty page, and `script` as /probe.js. */
export async function startPageServer(script: string, apiUrl: string): Promise<PageServer> {
  const files = new Map([
    ['/', { type: 'text/html', text: '<!doctype html><link rel="icon" href="data:,"><title>Probe</title>' }],
    ['/probe.js', { type: 'text/javascript', text: script }],
  ]);
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '');
    if (file === undefined) passOn(request, response, apiUrl);
    else response.writeHead(200, { 'content-type': `${file.type}; charset=utf-8` }).end(file.text);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
