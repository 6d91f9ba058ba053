// One request to the API: address, key, headers, and what a response that is not a success means.

import { ApiError, parseErrorBody, statusOfErrorType } from '../protocol/index.ts';
import { ConfigurationError, TimeoutError } from './errors.ts';
import type { AttemptOptions, CallSettings } from './call-settings.ts';
import { resolveSettings } from './call-settings.ts';
import type { Clock } from './clock.ts';
import { ContinuationModes } from './continuation-modes.ts';
import { RetryBudget } from './retry-budget.ts';
import { connectionError, createFetchTransport, requestIdOf } from './transport.ts';
import type { ByteSource, Fetch, ResponseHeaders, Transport, TransportResponse } from './transport.ts';

export interface ConnectionOptions extends AttemptOptions {
  apiKey?: string | null | undefined;
  /** A bearer token in place of a key. */
  authToken?: string | null | undefined;
  /** Default https://api.anthropic.com. */
  baseURL?: string | undefined;
  /** Sent with every request; null leaves one out. */
  headers?: HeaderOptions | undefined;
  /** Stands in for the platform's `fetch`. */
  fetch?: Fetch | undefined;
  /** Stands in for HTTP altogether. */
  transport?: Transport | undefined;
  /** Where time comes from; default the system. */
  clock?: Clock | undefined;
  /** Where the delays of retries are drawn from, in [0, 1); default Math.random. */
  random?: (() => number) | undefined;
  /** A key in a page is everybody's key: refused unless this is set. The API is then told to answer pages of other
   * origins, which it does not do otherwise. */
  dangerouslyAllowBrowser?: boolean | undefined;
}

/** Headers by name; null for one that is not to be sent. */
export type HeaderOptions = Readonly<Record<string, string | null>>;

/** The API version whose headers this client sends. */
const apiVersion = '2026-10-21';

/** The most of an error body that is read. */
const maxErrorBytes = 64 * 1024;

export class ApiConnection {
  readonly baseURL: string;
  readonly settings: CallSettings;
  /** What retries may cost, for all calls together. */
  readonly budget: RetryBudget = new RetryBudget();
  readonly modes: ContinuationModes = new ContinuationModes();
  readonly #token: string | undefined;
  /** Names in lower case. */
  readonly #headers: HeaderOptions;
  readonly #transport: Transport;

  constructor(options: ConnectionOptions) {
    const { baseURL } = options;
    this.baseURL = (baseURL || 'https://api.anthropic.com').replace(/\/+$/, '');
    // In a page an address may be relative to the page's.
    if (!URL.canParse(this.baseURL, (globalThis as { location?: { href: string } }).location?.href))
      throw new ConfigurationError('invalid_base_url', `baseURL ${JSON.stringify(baseURL)} is no URL`);
    this.settings = resolveSettings(options);
    this.#token = tokenOf(options);
    this.#headers = {
      ...browserHeaders(options),
      ...lowerCased(options.headers),
    };
    this.#transport = options.transport ?? createFetchTransport(options.fetch);
    if (this.#token !== undefined && isBrowser() && options.dangerouslyAllowBrowser !== true) {
      throw new ConfigurationError(
        'api_key_in_browser',
        "A key in a page is everybody's key: keep it in a relay, or set dangerouslyAllowBrowser",
      );
    }
  }

  /** Posts JSON. Resolves with a successful response, whose body the caller reads or cancels; rejects with
   * ApiError for any other status, ConnectionError when there was none. */
  async post(path: string, body: Record<string, unknown>, options: PostOptions): Promise<TransportResponse> {
    const { betas, ...fields } = body;
    const { signal, connectMs } = options;
    const url = this.baseURL + path;
    const response = await this.#transport({
      method: 'POST',
      url,
      headers: this.#requestHeaders(betas, options.headers),
      body: JSON.stringify(fields),
      signal,
      connectMs,
    }).catch((cause: unknown) => {
      throw connectionError(`Cannot POST ${url}`, 'connect', { cause, signal });
    });
    if (response.status >= 200 && response.status < 300) return response;
    throw await errorOf(response, { signal, clock: this.settings.clock });
  }

  #requestHeaders(betas: unknown, ownHeaders: HeaderOptions | undefined): Record<string, string> {
    const headers: Record<string, string | null> = {
      accept: 'application/json',
      'content-type': 'application/json',
      'anthropic-version': apiVersion,
    };
    if (Array.isArray(betas) && betas.length > 0) headers['anthropic-beta'] = betas.join(',');
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    Object.assign(headers, this.#headers, lowerCased(ownHeaders));
    if (headers['authorization'] == null && headers['x-api-key'] == null) {
      throw new ConfigurationError(
        'missing_api_key',
        'No key for the API: pass apiKey, or let Millrace read ANTHROPIC_API_KEY',
      );
    }
    for (const [name, value] of Object.entries(headers)) {
      if (value === null) delete headers[name];
      // `fetch` would say it with the value, and a key is not for others to read.
      else if (/[^\t -~\x80-\xff]/.test(value))
        throw new ConfigurationError(
          'invalid_header',
          `Cannot use the header ${name}: one line of plain text is wanted`,
        );
    }
    return headers as Record<string, string>;
  }
}

interface PostOptions {
  readonly headers?: HeaderOptions | undefined;
  readonly signal: AbortSignal;
  /** For a transport that can tell how long it connects. */
  readonly connectMs: number;
}

/** Reads a body to its end, at most `maxBytes` of it; the rest is cancelled. */
export async function readText(body: ByteSource, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
    text += decoder.decode(chunk.subarray(0, maxBytes - length), { stream: true });
    length += chunk.length;
    if (length < maxBytes) continue;
    await body.cancel();
    break;
  }
  return text + decoder.decode();
}

async function errorOf(
  response: TransportResponse,
  { signal, clock }: { signal: AbortSignal; clock: Clock },
): Promise<ApiError> {
  const text = await readText(response.body, maxErrorBytes).catch(() => {
    // The status says enough when the body breaks off, or does not come in time.
    if (!(signal.reason instanceof TimeoutError)) signal.throwIfAborted();
    return '';
  });
  return apiErrorOf(response, text, clock.now());
}

/** What a response that is no success says; `text` is its body. */
export function apiErrorOf(response: Omit<TransportResponse, 'body'>, text: string, nowMs: number): ApiError {
  const { status, headers } = response;
  const { body, requestId } = bodyOf(text, status);
  const retryAfterMs = parseRetryAfter(headers, nowMs);
  return new ApiError(body, {
    status,
    requestId: requestIdOf(response) ?? requestId,
    retryAfterMs,
    shouldRetry: toFlag(headers.get('x-should-retry')),
  });
}

function toFlag(value: string | null): boolean | undefined {
  return value === 'true' || (value === 'false' ? false : undefined);
}

interface SaidError {
  readonly body: ReturnType<typeof parseErrorBody>;
  readonly requestId: string | undefined;
}

/** A gateway may say nothing of a type, or nothing that is JSON: then the status stands for one. */
function bodyOf(text: string, status: number): SaidError {
  const type = typeOf(status);
  try {
    const value = JSON.parse(text) as { error?: unknown; request_id?: unknown } | null;
    const error = value?.error ?? value;
    const body = parseErrorBody(error);
    const isTyped = typeof (Object(error) as { type?: unknown }).type === 'string';
    const requestId = typeof value?.request_id === 'string' ? value.request_id : undefined;
    return { body: isTyped ? body : { ...body, type }, requestId };
  } catch {
    const message = `HTTP ${status}${text === '' ? '' : `: ${text.slice(0, 500)}`}`;
    return { body: { type, message }, requestId: undefined };
  }
}

function typeOf(status: number): string {
  if (status === 408) return 'timeout_error';
  const entry = Object.entries(statusOfErrorType).find(([, itsStatus]) => itsStatus === status);
  return entry?.[0] ?? (status >= 400 && status < 500 ? 'invalid_request_error' : 'api_error');
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date, in milliseconds. */
function parseRetryAfter(headers: ResponseHeaders, nowMs: number): number | undefined {
  const exact = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (exact >= 0) return exact;
  const value = headers.get('retry-after')?.trim() || '?';
  const seconds = Number(value);
  // A number below 0 would pass for a date.
  const delayMs = Number.isNaN(seconds) ? Math.max(0, Date.parse(value) - nowMs) : seconds * 1000;
  return delayMs >= 0 ? delayMs : undefined;
}

function tokenOf({ apiKey, authToken }: ConnectionOptions): string | undefined {
  if (apiKey != null && authToken != null)
    throw new ConfigurationError('two_credentials', 'Pass apiKey or authToken, not both');
  return (apiKey ?? authToken)?.trim() || undefined;
}

/** Without this header the API answers no request of a page. */
function browserHeaders({ dangerouslyAllowBrowser }: ConnectionOptions): Record<string, string> {
  return dangerouslyAllowBrowser === true ? { 'anthropic-dangerous-direct-browser-access': 'true' } : {};
}

function isBrowser(): boolean {
  const { window, document } = globalThis as { window?: unknown; document?: unknown };
  return window !== undefined && document !== undefined;
}

function lowerCased(headers: HeaderOptions = {}): HeaderOptions {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
