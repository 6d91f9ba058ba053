// The relay on node:http.

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BodyTooLargeError } from './http.ts';
import type { RelayRequest } from './http.ts';
import { sendResponse } from './node-response.ts';
import type { Relay } from './relay.ts';
import { RequestError } from './request-error.ts';

export interface RelayServer extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Takes no new work, lets what runs go on for `drainMs`, by default not at all, while readers may still come and
   * go; then accepts no more, stops what still runs, and lets every reader have its ending. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

/** How long readers get to take their endings before their sockets are closed. */
const partingMs = 2_000;

export interface RelayServerOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** Told of a response that broke for the relay's own fault; its connection is closed. */
  readonly onError?: (error: unknown) => void;
}

/** Starts the relay and listens on loopback. Rejects when the port is taken; closing the relay is the caller's then. */
export async function startRelayServer(
  relay: Relay,
  { port, onError }: RelayServerOptions,
): Promise<RelayServer> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 60_000 }, (message, response) => {
    response.once('close', () => {
      // A connection that is kept alive would hold up the server's close.
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
    serve(relay, message, response).catch((error: unknown) => {
      onError?.(error);
      response.destroy();
    });
  });
  await relay.start();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = ({ drainMs = 0 } = {}) => (closing ??= closeServer(server, relay, drainMs));
  const url = `http://127.0.0.1:${address.port}`;
  return { port: address.port, url, close, [Symbol.asyncDispose]: () => close() };
}

async function serve(relay: Relay, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new DOMException('The client has gone', 'AbortError'));
  });
  // A socket that breaks is the client's leaving, which `close` tells as well.
  response.on('error', () => gone.abort());
  const { socket } = message;
  const writtenBefore = socket.bytesWritten;
  const relayResponse = await relay.handle(requestOf(message, gone.signal));
  const tell = (): void => relayResponse.sent?.(socket.bytesWritten - writtenBefore);
  if (response.closed) tell();
  else response.once('close', tell);
  await sendResponse(relayResponse, message, response);
  if (!message.complete) await drainRequest(message);
}

function requestOf(message: IncomingMessage, signal: AbortSignal): RelayRequest {
  const target = message.url ?? '/';
  const queryAt = target.includes('?') ? target.indexOf('?') : target.length;
  return {
    method: message.method ?? 'GET',
    path: target.slice(0, queryAt),
    query: target.slice(queryAt),
    httpVersion: message.httpVersion,
    headers: {
      get: (name) => {
        const value = message.headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      keys: () => Object.keys(message.headers),
    },
    readBody: (maxBytes) => readBody(message, maxBytes),
    signal,
  };
}

async function readBody(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  if (Number(message.headers['content-length']) > maxBytes) throw new BodyTooLargeError(maxBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw new BodyTooLargeError(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof BodyTooLargeError) throw error;
    throw new RequestError(400, 'The request body broke off');
  }
  return Buffer.concat(chunks, length);
}

/** Takes and drops what the client is still sending, for a while: closed at once, it would never see the answer. */
async function drainRequest(message: IncomingMessage): Promise<void> {
  const timer = setTimeout(() => message.socket.destroy(), partingMs);
  message.resume();
  await new Promise<void>((resolve) => {
    message.once('close', resolve);
    message.once('end', resolve);
    message.socket.once('close', resolve);
  });
  clearTimeout(timer);
}

async function closeServer(server: Server, relay: Relay, drainMs: number): Promise<void> {
  if (drainMs > 0) await relay.drain(drainMs);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await relay.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), partingMs);
  await closed;
  clearTimeout(timer);
}
