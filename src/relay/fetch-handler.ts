// The relay as a function from a web-standard Request to a Response, for Hono, Bun, Deno, workers and any other server
// of that shape. A thin adapter, as src/relay/node.ts is: compression and connections are the server's around it.

import { BodyTooLargeError, errorResponse } from './http.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import { joinBytes } from './join-bytes.ts';
import type { Relay } from './relay.ts';
import { RequestError } from './request-error.ts';

export interface FetchHandlerOptions {
  /**
   * Names who asks, in a program that has checked it: whose streams are made and may be seen. Undefined refuses the
   * request with 401. Without this option the relay serves this machine alone, as docs/relay.md says.
   */
  readonly ownerOf?: (request: Request) => string | undefined;
}

export type FetchHandler = (request: Request) => Promise<Response>;

/**
 * Makes a handler of a relay; the relay's `start` and `close` stay with the caller.
 *
 * It rejects when `ownerOf` throws, and never else. The body of a stream is pulled: a reader who does not read holds
 * back nobody but itself. A reader has left when the body is cancelled or the request's signal aborts, whichever the
 * server tells first.
 *
 * @example
 * const relay = createRelay({ upstream, log, settings });
 * await relay.start();
 * app.mount('/', createFetchHandler(relay));
 */
export function createFetchHandler(
  relay: Pick<Relay, 'handle'>,
  { ownerOf }: FetchHandlerOptions = {},
): FetchHandler {
  return async (request) => {
    const gone = new AbortController();
    const leave = (): void => gone.abort(new DOMException('The client has gone', 'AbortError'));
    if (request.signal.aborted) leave();
    request.signal.addEventListener('abort', leave, { once: true });
    const asked = requestOf(request, gone.signal);
    const owner = ownerOf?.(request);
    const response =
      ownerOf !== undefined && owner === undefined
        ? errorResponse(401, 'authentication_error', 'This request names nobody who may ask')
        : await relay.handle(owner === undefined ? asked : { ...asked, owner });
    return toResponse(response, { request, leave, gone: gone.signal });
  };
}

function requestOf(request: Request, signal: AbortSignal): RelayRequest {
  const { pathname, search, host } = new URL(request.url);
  const { headers } = request;
  return {
    method: request.method,
    path: pathname,
    query: search,
    // No server of this shape says which it was.
    httpVersion: '1.1',
    headers: {
      // A program that makes a Request by hand gives it an address and no Host.
      get: (name) => headers.get(name) ?? (name === 'host' ? host : undefined),
      keys: () => headers.keys(),
    },
    readBody: (maxBytes) => readBody(request, maxBytes),
    signal,
  };
}

async function readBody({ body, headers }: Request, maxBytes: number): Promise<Uint8Array> {
  if (Number(headers.get('content-length')) > maxBytes) throw new BodyTooLargeError(maxBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body?.getReader();
  for (;;) {
    const chunk = await reader?.read().catch(() => {
      throw new RequestError(400, 'The request body broke off');
    });
    if (chunk?.value === undefined) break;
    length += chunk.value.length;
    if (length > maxBytes) {
      void reader?.cancel().catch(() => undefined);
      throw new BodyTooLargeError(maxBytes);
    }
    chunks.push(chunk.value);
  }
  return joinBytes(chunks, length);
}

interface Reading {
  /** Held for as long as the stream is: a signal is forgotten with its request by some servers. */
  readonly request: Request;
  readonly leave: () => void;
  /** Aborts when the reader has left. */
  readonly gone: AbortSignal;
}

function toResponse(
  { status, headers, body, sent }: RelayResponse,
  { request, leave, gone }: Reading,
): Response {
  const head = { status, headers };
  const isWhole = typeof body === 'string' || body instanceof Uint8Array;
  // A Response of the status 204 must have no body at all.
  if (request.method === 'HEAD' || status === 204 || isWhole) {
    request.signal.removeEventListener('abort', leave);
    // Nobody reads it.
    if (!isWhole) void body[Symbol.asyncIterator]().return?.();
    const bytes = isWhole && request.method !== 'HEAD' ? body : '';
    sent?.(typeof bytes === 'string' ? encoder.encode(bytes).length : bytes.length);
    return new Response(bytes.length === 0 ? null : (bytes as BodyInit), head);
  }
  return new Response(toReadableStream(body, { request, leave, gone, sent }), head);
}

const encoder = new TextEncoder();

/** Nothing is asked for ahead of the reader. */
function toReadableStream(
  texts: AsyncIterable<string>,
  { request, leave, gone, sent }: Reading & { readonly sent: RelayResponse['sent'] },
): ReadableStream<Uint8Array> {
  const iterator = texts[Symbol.asyncIterator]();
  let byteCount = 0;
  let isOver = false;
  const end = (): void => {
    request.signal.removeEventListener('abort', leave);
    if (!isOver) sent?.(byteCount);
    isOver = true;
  };
  // Not every server that says so reads on, or cancels the body.
  const close = (): void => {
    end();
    void iterator.return?.();
  };
  gone.addEventListener('abort', close, { once: true });
  if (gone.aborted) close();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await iterator.next();
        if (done === true) {
          end();
          controller.close();
          return;
        }
        const bytes = encoder.encode(value);
        byteCount += bytes.length;
        controller.enqueue(bytes);
      },
      cancel: async () => {
        leave();
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
