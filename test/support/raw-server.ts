// A server that answers every request with exactly the bytes it is told, then does with the socket what it is told:
// for answers that no well-behaved server gives.

import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** The requests as they came, head and body. */
  readonly requests: readonly string[];
  /** How many connections have been closed. */
  readonly closedConnections: number;
  /** Resolves when the connection of a request is closed: of the last one so far, or of the one with this index. */
  clientLeft(index?: number): Promise<void>;
}

export interface RawAnswer {
  readonly bytes: string | Uint8Array;
  /** `fin` closes after the bytes, `rst` resets the connection, `hold` keeps it open. */
  readonly then: 'fin' | 'rst' | 'hold';
  /** More bytes for a connection that is held, when a test has them. */
  readonly later?: Promise<string>;
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
  const left: PromiseWithResolvers<void>[] = [];
  const leftAt = (index: number): PromiseWithResolvers<void> =>
    (left[index] ??= Promise.withResolvers<void>());
  let closedConnections = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    let request = '';
    /** Which requests came on this connection. */
    const indexes: number[] = [];
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      closedConnections += 1;
      for (const index of indexes) leftAt(index).resolve();
    });
    socket.on('data', (bytes) => {
      request += bytes.toString('utf8');
      if (!isWhole(request)) return;
      indexes.push(requests.length);
      requests.push(request);
      const { bytes: reply, then, later } = answer(request);
      request = '';
      void later?.then((more) => socket.write(more));
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
    get closedConnections() {
      return closedConnections;
    },
    clientLeft: (index = Math.max(0, requests.length - 1)) => leftAt(index).promise,
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
