// The relay on node:http.

import { createServer, STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkHost } from './access/check-surroundings.ts';
import { BodyTooLargeError, errorResponse } from './http.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import { limitResponse } from './limits.ts';
import { sendResponse } from './node-response.ts';
import type { Relay } from './relay.ts';
import { repeatedHeader } from './repeated-header.ts';
import { RequestError } from './request-error.ts';

export interface RelayServer extends AsyncDisposable {
  readonly port: number;
  /** Such as `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Makes another limit count from now on; connections that are there stay. */
  setMaxConnections(limit: number): void;
  /** Takes no new work, lets what runs go on for `drainMs`, by default not at all, while readers may still come and
   * go; then accepts no more, stops what still runs, or with `handOver` leaves it to another process where one may go
   * on with it, and lets every reader have its ending or be told to come back. */
  close(options?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  readonly drainMs?: number;
  /** As of `Relay.close()`. */
  readonly handOver?: boolean;
}

/** How long readers get to take their endings before their sockets are closed. */
const partingMs = 2_000;

export interface RelayServerOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** The address to listen on; default 127.0.0.1. Any that is not of loopback needs a relay with keys. */
  readonly host?: string;
  /** Connections at the same time; default 20,000. A request on one more is answered with 503, and past another tenth
   * they are closed unheard. */
  readonly maxConnections?: number;
  /** Of a request's head; default 16 KiB. */
  readonly maxHeaderBytes?: number;
  /** How long a request's head may take, and the whole request; default 10,000 and 30,000. */
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** Told of a response that broke for the relay's own fault; its connection is closed. */
  readonly onError?: (error: unknown) => void;
}

/** What a server needs of a relay. */
export type ServedRelay = Omit<Relay, 'reload' | 'setLimits' | 'usage'>;

/** Starts the relay and listens. Rejects when the port is taken, and with an AccessOptionError when anybody could reach
 * a relay that has no keys; closing the relay is the caller's then. */
export async function startRelayServer(
  relay: ServedRelay,
  options: RelayServerOptions,
): Promise<RelayServer> {
  const { port, onError, host = '127.0.0.1' } = options;
  let maxConnections = 0;
  checkHost(host, relay);
  let connections = 0;
  /** The last one of each connection. */
  const responses = new WeakMap<Duplex, ServerResponse>();
  const server = createServer(serverOptions(options), (message, response) => {
    responses.set(message.socket, response);
    if (connections > maxConnections) {
      refuse(limitResponse('connections'), message, response);
      return;
    }
    const refusal = headRefusal(message);
    if (refusal !== undefined) {
      refuse(refusal, message, response);
      return;
    }
    response.on('close', closeIdle);
    serve(relay, message, response).catch((error: unknown) => {
      onError?.(error);
      response.destroy();
    });
  });
  // What listens for each request or connection is the same function, and nothing wraps it: of those there are many.
  const closeIdle = (): void => {
    // A connection that is kept alive would hold up the server's close.
    if (!server.listening) setImmediate(() => server.closeIdleConnections());
  };
  const forget = (): void => {
    connections -= 1;
  };
  const setMaxConnections = (limit: number): void => {
    maxConnections = limit;
    server.maxConnections = limit + Math.ceil(limit / 10);
  };
  setMaxConnections(options.maxConnections ?? 20_000);
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', forget);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = responses.get(socket);
    // Within a response another one would be taken for a part of it.
    if (response?.headersSent === true && !response.writableFinished) socket.destroy();
    else answerClientError(error, socket);
  });
  server.on('checkExpectation', (message: IncomingMessage, response: ServerResponse) =>
    refuse(unexpected(), message, response),
  );
  await relay.start();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = (how: CloseOptions = {}) => (closing ??= closeServer(server, relay, how));
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  return { port: address.port, url, setMaxConnections, close, [Symbol.asyncDispose]: () => close() };
}

function serverOptions({
  maxHeaderBytes = 16 * 1024,
  headersTimeoutMs = 10_000,
  requestTimeoutMs = 30_000,
}: RelayServerOptions): ServerOptions {
  return {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Refused below, with a body.
    requireHostHeader: false,
    // How exact the two are: Node looks every 30 s otherwise.
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
  };
}

function refuse(
  { status, headers, body }: RelayResponse,
  message: IncomingMessage,
  response: ServerResponse,
): void {
  response.writeHead(status, { ...headers, connection: 'close' }).end(body as string);
  message.resume();
}

/** What is no request gets an answer as well, in the API's shape; it has no response of Node's. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = clientErrors[error.code ?? '']?.() ?? badRequest();
  const all = { ...headers, 'content-length': Buffer.byteLength(body as string), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body as string}`);
}

const clientErrors: Readonly<Record<string, () => RelayResponse>> = {
  HPE_HEADER_OVERFLOW: () => limitResponse('headers'),
  ERR_HTTP_REQUEST_TIMEOUT: () => limitResponse('time'),
};

const badRequest = (): RelayResponse =>
  errorResponse(400, 'invalid_request_error', 'This is no HTTP request that the relay understands');

function headRefusal({ rawHeaders, headers, httpVersion }: IncomingMessage): RelayResponse | undefined {
  const repeated = repeatedHeader(rawHeaders);
  if (repeated !== undefined)
    return errorResponse(400, 'invalid_request_error', `${repeated}: is there twice`);
  if (headers.host === undefined && httpVersion === '1.1')
    return errorResponse(400, 'invalid_request_error', 'host: Field required');
  return undefined;
}

const unexpected = (): RelayResponse =>
  errorResponse(417, 'invalid_request_error', 'expect: must be 100-continue, if anything');

async function serve(relay: ServedRelay, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  // Nobody wants to know until there is a response.
  let tellSent = (): void => undefined;
  const { socket } = message;
  const writtenBefore = socket.bytesWritten;
  response.on('close', () => {
    if (!response.writableFinished) gone.abort(new DOMException('The client has gone', 'AbortError'));
    tellSent();
  });
  // A socket that breaks is the client's leaving, which `close` tells as well.
  response.on('error', () => gone.abort());
  const relayResponse = await relay.handle(requestOf(message, gone.signal));
  tellSent = () => relayResponse.sent?.(socket.bytesWritten - writtenBefore);
  if (response.closed) tellSent();
  await sendResponse(relayResponse, message, response);
  if (!message.complete && !message.destroyed) await drainRequest(message);
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

async function closeServer(
  server: Server,
  relay: ServedRelay,
  { drainMs = 0, handOver = false }: CloseOptions,
): Promise<void> {
  if (drainMs > 0) await relay.drain(drainMs);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await relay.close({ handOver });
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), partingMs);
  await closed;
  clearTimeout(timer);
}
