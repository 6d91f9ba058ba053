// `fetch` without a network: it speaks HTTP with the simulator's own server over a connection in memory, so that
// every answer, and every way one can break, is what a socket would give.

import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { MemorySocket } from './memory-socket.ts';
import { ResponseBody } from './response-body.ts';

/** Opens a connection; throws when nobody would answer it. */
type Connect = () => MemorySocket;

export function createFetch(connect: Connect): typeof globalThis.fetch {
  return async (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.throwIfAborted();
    // Its own signal would follow the caller's only as long as nobody collects the request.
    const request = new Request(input, { ...init, signal: null });
    const isStreamed = isStream(init?.body) || (input instanceof Request && init?.body == null);
    const body = isStreamed ? request.body : new Uint8Array(await request.arrayBuffer());
    signal?.throwIfAborted();
    return await exchange(request, { connect, body, signal });
  };
}

function isStream(body: unknown): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}

interface Sending {
  readonly connect: Connect;
  readonly body: ReadableStream | Uint8Array | null;
  readonly signal: AbortSignal | undefined;
}

function exchange(request: Request, { connect, body, signal }: Sending): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(new TypeError('fetch failed', { cause }));
    let responseBody: ResponseBody | undefined;
    let socket: MemorySocket;
    try {
      socket = connect();
    } catch (error) {
      return fail(error);
    }
    const abort = (): void => {
      reject(signal?.reason);
      responseBody?.abort(signal?.reason);
      socket.destroy();
    };
    const forget = (): void => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort, { once: true });
    const sent = open(request, socket);
    sent.on('error', (error) => {
      fail(error);
      if (responseBody === undefined) forget();
    });
    sent.once('response', (message) => {
      responseBody = new ResponseBody(message, socket, forget);
      resolve(toResponse(message, request, responseBody));
    });
    send(sent, body);
  });
}

function open(request: Request, socket: MemorySocket): ClientRequest {
  const { host, pathname, search } = new URL(request.url);
  return httpRequest({
    createConnection: () => socket,
    method: request.method,
    path: `${pathname}${search}`,
    // As the platform's says, so that the answer says it too.
    headers: { host, ...Object.fromEntries(request.headers), connection: 'keep-alive' },
  });
}

function send(sent: ClientRequest, body: Sending['body']): void {
  if (body === null || body instanceof Uint8Array) {
    sent.end(body?.length === 0 ? undefined : body);
    return;
  }
  // What goes wrong is an error of the request as well.
  pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), sent).catch(() => undefined);
}

/** Statuses that the platform takes no body for. */
const bodiless = new Set([204, 205, 304]);

function toResponse(message: IncomingMessage, { url }: Request, { stream }: ResponseBody): Response {
  const { statusCode: status = 0, statusMessage: statusText = '', rawHeaders } = message;
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  }
  const response = new Response(bodiless.has(status) ? null : stream, { status, statusText, headers });
  return Object.defineProperty(response, 'url', { value: url });
}
