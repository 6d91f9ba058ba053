// How the client reaches a server: one function, so that another HTTP stack, a test or a relay can stand in.

import { ConnectionError, isCoded, TimeoutError } from './errors.ts';
import { onAbort } from './follow.ts';

/**
 * Sends one request and answers as soon as the response headers are there, whatever the status.
 * Rejects with ConnectionError when no response came, TimeoutError when connecting took too long, and with the signal's
 * own reason after an abort. The signal stays in force until the body is read to its end or cancelled.
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long connecting may take, in milliseconds; for transports that can tell. Rejects with TimeoutError. */
  readonly connectMs?: number | undefined;
}

export interface TransportResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: ByteSource;
}

/** The part of `Headers` that is read. Names are matched without regard to case, and listed in lower case. */
export interface ResponseHeaders {
  get(name: string): string | null;
  keys(): Iterable<string>;
}

/** The server's name for the request. */
export function requestIdOf({ headers }: Pick<TransportResponse, 'headers'>): string | undefined {
  return headers.get('request-id') ?? undefined;
}

/** A body that is pulled: nothing more is read from the socket than was asked for, but for its buffers. */
export interface ByteSource {
  /** The next bytes, decompressed; undefined at the end. Rejects with ConnectionError when the body breaks off,
   * and with the signal's own reason after an abort. */
  read(): Promise<Uint8Array | undefined>;
  /** Ends the transfer and frees the connection. Never rejects; does nothing when the body is at its end. */
  cancel(): Promise<void>;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A transport over `fetch`, the platform's own unless another is given. */
export function createFetchTransport(fetch: Fetch = (url, init) => globalThis.fetch(url, init)): Transport {
  return async ({ method, url, headers, body, signal }) => {
    signal?.throwIfAborted();
    // A redirect would carry the key to another host.
    const init: RequestInit = {
      method,
      headers,
      redirect: 'manual',
      body: body ?? null,
      signal: signal ?? null,
    };
    const fetching = fetch(url, init).catch((cause: unknown) => {
      throw connectionError(`Cannot ${method} ${url}`, 'connect', { cause, signal });
    });
    const response = await unlessGivenUp(fetching, signal);
    return { status: response.status, headers: response.headers, body: sourceOf(response, { url, signal }) };
  };
}

/** A `fetch` that does not heed its signal would leave a caller waiting for ever. What it comes to after that is let
 * go of. */
function unlessGivenUp(fetching: Promise<Response>, signal: AbortSignal | undefined): Promise<Response> {
  return new Promise((resolve, reject) => {
    const letGo = onAbort(signal, () => {
      reject(signal?.reason as Error);
      fetching.then(({ body }) => body?.cancel()).catch(() => undefined);
    });
    fetching.then(resolve, reject).finally(letGo);
  });
}

function sourceOf(
  response: Response,
  { url, signal }: { url: string; signal: AbortSignal | undefined },
): ByteSource {
  const reader = response.body?.getReader();
  let letGo = (): void => undefined;
  const cancel = (): Promise<void> => {
    letGo();
    // A body that has broken off already rejects with what its reader was told; one whose source takes its time, or
    // for ever, to let go does not hold up what comes next.
    void reader?.cancel().catch(() => undefined);
    return Promise.resolve();
  };
  // A `fetch` that does not heed its signal would leave a read waiting for ever.
  letGo = onAbort(signal, () => void cancel());
  return {
    read: async () => {
      signal?.throwIfAborted();
      let value: Uint8Array | undefined;
      try {
        value = (await reader?.read())?.value;
      } catch (cause) {
        throw connectionError(`The response of ${url} broke off`, 'body', { cause, signal });
      }
      signal?.throwIfAborted();
      if (value === undefined) letGo();
      return value;
    },
    cancel,
  };
}

/** How long and how far the rest of a body is read once nobody needs it. The end comes with the content or right
 * behind it; a server that keeps it back would keep the process alive for as long. */
const releaseMs = 100;
const releaseReads = 16;

/**
 * Lets go of a body whose content has been read: takes the little that may still come, its end, so that the
 * connection can serve the next request, and cancels it when more comes or nothing does. Never rejects.
 */
export async function releaseBody(body: ByteSource): Promise<void> {
  const timer = setTimeout(() => void body.cancel(), releaseMs);
  try {
    for (let reads = 0; reads < releaseReads; reads += 1) if ((await body.read()) === undefined) break;
  } catch {
    // It broke off where nobody needed it any more.
  } finally {
    clearTimeout(timer);
    await body.cancel();
  }
}

/** What a transport rejects with: the reason of an abort, else ConnectionError with the innermost reason. */
export function connectionError(
  what: string,
  phase: 'connect' | 'body',
  { cause, signal }: { cause: unknown; signal?: AbortSignal | undefined },
): unknown {
  if (signal?.aborted) return signal.reason;
  if (isCoded(cause)) return cause;
  // `fetch` says "fetch failed" and keeps the reason in its cause.
  let reason = cause;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  // The limit of Node's own fetch, which cannot be set from here.
  if ((reason as { code?: unknown } | undefined)?.code === 'UND_ERR_CONNECT_TIMEOUT')
    return new TimeoutError('connect_timeout', 10_000, { cause });
  const text = reason instanceof Error ? reason.message || reason.name : String(reason);
  return new ConnectionError(phase, `${what}: ${text}`, { cause });
}
