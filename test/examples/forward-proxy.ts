// An HTTP proxy: it is asked for whole URLs and passes them on, and it opens tunnels for CONNECT.

import { createServer, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream';

export interface ForwardProxy extends AsyncDisposable {
  readonly url: string;
  /** What it was asked for, as `METHOD url`. */
  readonly forwarded: readonly string[];
}

export async function startForwardProxy(): Promise<ForwardProxy> {
  const forwarded: string[] = [];
  const tunnels = new Set<Socket>();
  const server = createServer((request, response) => {
    const { method = 'GET', url = '', headers } = request;
    forwarded.push(`${method} ${url}`);
    const onward = httpRequest(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, response, () => undefined);
    });
    pipeline(request, onward, () => undefined);
  });
  server.on('connect', ({ url = '' }, socket: Socket) => {
    forwarded.push(`CONNECT ${url}`);
    const { hostname, port } = new URL(`http://${url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      pipeline(socket, onward, socket, () => undefined);
    });
    tunnels.add(onward).add(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forwarded,
    [Symbol.asyncDispose]: async () => {
      for (const socket of tunnels) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
