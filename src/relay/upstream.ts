// The one place that knows where upstream is and with which key: nothing a client sends chooses either.

import { readText } from '../client/index.ts';
import type { Transport, TransportResponse } from '../client/index.ts';
import type { RelayRequest, RelayResponse } from './http.ts';

export interface UpstreamOptions {
  /** For example `https://api.anthropic.com`. */
  readonly baseURL: string;
  readonly transport: Transport;
  /** Replaces whatever key a client sends. Without one the client's own goes through. */
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
}

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

const maxErrorBytes = 1024 * 1024;

export class Upstream {
  readonly #options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  call({ target, ...call }: UpstreamCall): Promise<TransportResponse> {
    return this.#options.transport({ ...call, url: this.#options.baseURL + target });
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
    const fault = this.#options.isSimulator ? headers.get('x-simulator-fault') : undefined;
    return fault === undefined ? {} : { 'x-simulator-fault': fault };
  }

  #key({ headers }: RelayRequest): Record<string, string> {
    const { apiKey, isSimulator } = this.#options;
    if (isSimulator) return {};
    const sent = headers.get('x-api-key');
    if (apiKey !== undefined)
      return sent === undefined ? { authorization: `Bearer ${apiKey}` } : { 'x-api-key': apiKey };
    if (sent !== undefined) return { 'x-api-key': sent };
    const authorization = headers.get('authorization');
    return authorization === undefined ? {} : { authorization };
  }
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

/** Upstream's whole response, its body untouched but for its compression. */
export async function passedResponse(
  response: TransportResponse,
  maxBytes: number = maxErrorBytes,
): Promise<RelayResponse & { readonly body: string }> {
  const body = await readText(response.body, maxBytes);
  return { status: response.status, headers: passedHeaders(response), body };
}
