// A server that answers every request with exactly the bytes it is told, then does with the socket what it is told:
// for answers that no well-behaved server gives.

import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** The requests as they came, head and body. */
  readonly requests: readonly string[];
  /** Resolves when the client has closed the connection of the last request. */
  clientLeft(): Promise<void>;
}

export interface RawAnswer {
  readonly bytes: string | Uint8Array;
  /** `fin` closes after the bytes, `rst` resets the connection, `hold` keeps it open. */
  readonly then: 'fin' | 'rst' | 'hold';
}

/** A stream response with this body, as one chunk of a chunked transfer that has not ended yet. */
export function streamResponse(body: string, contentType = 'text/event-stream; charset=utf-8'): string {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\nrequest-id: req_test\r\ntransfer-encoding: chunked`;
  return `${head}\r\n\r\n${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
}

/** What ends a chunked transfer properly: to the client a clean end of file. */
export const cleanEnd = '0\r\n\r\n';

export async function startRawServer(answer: (request: string) => RawAnswer): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let left = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let request = '';
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      if (request !== '') left.resolve();
    });
    socket.on('data', (bytes) => {
      request += bytes.toString('utf8');
      if (!isWhole(request)) return;
      requests.push(request);
      left = Promise.withResolvers();
      const { bytes: reply, then } = answer(request);
      // The bytes are on their way before the connection is cut: the client gets every one of them.
      socket.write(reply, () => {
        if (then === 'fin') socket.end();
        if (then === 'rst') setImmediate(() => socket.resetAndDestroy());
      });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    clientLeft: () => left.promise,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function isWhole(request: string): boolean {
  const head = request.indexOf('\r\n\r\n');
  const length = /content-length: ([0-9]+)/i.exec(request)?.[1] ?? '0';
  return head >= 0 && Buffer.byteLength(request.slice(head + 4)) >= Number(length);
}
