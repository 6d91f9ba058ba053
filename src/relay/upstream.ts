// The one place that knows where upstream is and with which key: nothing a client sends chooses either.

import { ConnectionError } from '../client/index.ts';
import type { ByteSource, Transport, TransportResponse } from '../client/index.ts';
import type { TakeoverTerms } from '../storage/index.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import { joinBytes } from './join-bytes.ts';
import type { PostMessages } from './stream-call.ts';
import { withoutKey } from './without-key.ts';

export interface UpstreamOptions {
  /** For example `https://api.anthropic.com`. */
  readonly baseURL: string;
  readonly transport: Transport;
  /** Replaces whatever key a client sends. Without one the client's own goes through. Looked up at each call, so a
   * getter may give another one later. */
  readonly apiKey?: string | undefined;
  /** The embedded simulator: faults may be asked for, and no client's key leaves the relay. */
  readonly isSimulator?: boolean | undefined;
}

export interface UpstreamCall {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  readonly connectMs?: number;
}

/** Where and as whom an answer is asked for. */
export interface MessagesTarget {
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the embedded simulator is asked for its faults by. */
const faultHeader = 'x-simulator-fault';

/** What a client may send on: the rest of its headers is between it and the relay. */
const requestHeaders = ['accept', 'content-type', 'anthropic-version', 'anthropic-beta', 'user-agent'];

/** What comes back with a response besides `anthropic-…`; never what describes the connection. */
const responseHeaders = new Set([
  'content-type',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
]);

/** Of an error's body: far above any, of which some gateways think for a while. */
const errorLimits: ReadLimits = { maxBytes: 1024 * 1024, maxMs: 10_000 };

/** Far above any reply. */
const maxReplyBytes = 256 * 1024 * 1024;

/** How much of a body is read. What has come by then counts, and the rest is cancelled. */
export interface ReadLimits {
  readonly maxBytes: number;
  /** Default: for as long as upstream takes. */
  readonly maxMs?: number;
}

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #forwardsKeys: boolean;

  /** `forwardsKeys`: what clients send as a key is upstream's, and not the relay's own. */
  constructor(options: UpstreamOptions, { forwardsKeys }: { readonly forwardsKeys: boolean }) {
    this.#options = options;
    this.#forwardsKeys = forwardsKeys;
  }

  /** Throws a RangeError when `target` would lead anywhere but below upstream's own `/v1/`. */
  async call({ target, ...call }: UpstreamCall): Promise<TransportResponse> {
    const url = this.#options.baseURL + target;
    // The transport resolves `..` and what stands for it: so must who checks.
    const base = new URL(this.#options.baseURL);
    const { origin, pathname } = new URL(url);
    if (origin !== base.origin || !pathname.startsWith(`${base.pathname.replace(/\/+$/, '')}/v1/`))
      throw new RangeError(`Cannot call upstream at ${JSON.stringify(target)}: it is outside of /v1/`);
    const response = await this.#options.transport({ ...call, url });
    const { apiKey } = this.#options;
    const isError = response.status >= 400 && response.status < 600;
    if (!isError || apiKey === undefined) return response;
    return withoutKey(response, apiKey, (body) => readBytes(body, errorLimits));
  }

  /** Asks for an answer, and again for its rest. */
  poster({ target, headers }: MessagesTarget): PostMessages {
    // A fault that was asked for is one of the first request.
    const { [faultHeader]: _, ...further } = headers;
    return (body, { isFurther, ...options }) =>
      this.call({ method: 'POST', target, headers: isFurther ? further : headers, body, ...options });
  }

  /** What lets another process go on with the answer; undefined when only the client's own key would do. */
  takeoverTerms({ target, headers }: MessagesTarget): TakeoverTerms | undefined {
    const { apiKey, isSimulator } = this.#options;
    if (apiKey === undefined && isSimulator !== true) return undefined;
    const { 'x-api-key': _key, authorization: _token, [faultHeader]: _fault, ...kept } = headers;
    return { target, headers: kept };
  }

  /** Goes on with what another process began. */
  takeoverPoster({ target, headers }: TakeoverTerms): PostMessages {
    return this.poster({ target, headers: { ...headers, ...this.#ownKey() } });
  }

  /** The headers of a call made for a client of `/v1`. */
  headersFor(request: RelayRequest): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const name of requestHeaders) {
      const value = request.headers.get(name);
      if (value !== undefined) headers[name] = value;
    }
    return { ...headers, ...this.#fault(request), ...this.#key(request) };
  }

  /** The headers of a call the relay makes on its own account, for a page. */
  ownHeaders(request: RelayRequest): Record<string, string> {
    const own = { 'content-type': 'application/json', 'anthropic-version': '2026-10-21' };
    return { ...own, ...this.#fault(request), ...this.#key(request) };
  }

  #fault({ headers }: RelayRequest): Record<string, string> {
    const fault = this.#options.isSimulator ? headers.get(faultHeader) : undefined;
    return fault === undefined ? {} : { [faultHeader]: fault };
  }

  #ownKey(): Record<string, string> {
    const { apiKey, isSimulator } = this.#options;
    return apiKey === undefined || isSimulator === true ? {} : { authorization: `Bearer ${apiKey}` };
  }

  #key({ headers }: RelayRequest): Record<string, string> {
    const { apiKey, isSimulator } = this.#options;
    if (isSimulator) return {};
    const sent = headers.get('x-api-key');
    if (apiKey !== undefined) return sent === undefined ? this.#ownKey() : { 'x-api-key': apiKey };
    if (!this.#forwardsKeys) return {};
    if (sent !== undefined) return { 'x-api-key': sent };
    const authorization = headers.get('authorization');
    return authorization === undefined ? {} : { authorization };
  }
}

export function isEventStream({ headers }: TransportResponse): boolean {
  return /^text\/event-stream\b/i.test(headers.get('content-type') ?? '');
}

/** Upstream's response headers that a client of the relay gets to see. */
export function passedHeaders({ headers }: TransportResponse): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of headers.keys()) {
    const value = headers.get(name);
    if (value !== null && (responseHeaders.has(name) || name.startsWith('anthropic-'))) passed[name] = value;
  }
  return passed;
}

/** Upstream's whole response, its body untouched but for its compression. Rejects with a ConnectionError for one that
 * is longer than any. */
export async function passedResponse(
  response: TransportResponse,
): Promise<RelayResponse & { readonly body: Uint8Array }> {
  const isError = response.status >= 400;
  const body = await readBytes(response.body, isError ? errorLimits : { maxBytes: maxReplyBytes });
  if (!isError && body.length === maxReplyBytes)
    throw new ConnectionError('body', `The response has ${maxReplyBytes} bytes or more`, {
      cause: undefined,
    });
  return { status: response.status, headers: passedHeaders(response), body };
}

/** Reads a body to its end, or to the first limit. */
export async function readBytes(body: ByteSource, { maxBytes, maxMs }: ReadLimits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const late = Promise.withResolvers<undefined>();
  const timer = maxMs === undefined ? undefined : setTimeout(() => late.resolve(undefined), maxMs);
  try {
    while (length < maxBytes) {
      const chunk = await (timer === undefined ? body.read() : Promise.race([body.read(), late.promise]));
      if (chunk === undefined) break;
      const part = chunk.subarray(0, maxBytes - length);
      chunks.push(part);
      length += part.length;
    }
  } finally {
    clearTimeout(timer);
    await body.cancel();
  }
  return joinBytes(chunks, length);
}
