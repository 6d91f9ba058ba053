// A request and a response as the relay's core sees them: no socket, no web stream. src/relay/node.ts puts them on
// node:http; any other server is an adapter of the same size.

export interface RelayRequest {
  readonly method: string;
  /** The path without its query, as it came. */
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
  readonly httpVersion: string;
  /** Names are in lower case. */
  readonly headers: { get(name: string): string | undefined; keys(): Iterable<string> };
  /** The whole body. Rejects with BodyTooLargeError past `maxBytes`, having read no more than that. */
  readBody(maxBytes: number): Promise<Uint8Array>;
  /** Aborts when the client has gone, whether or not it got its response. */
  readonly signal: AbortSignal;
  /** Who asks, where the program around the relay has checked it: the relay's own guard of loopback is left out. */
  readonly owner?: string;
}

/** Text piece by piece. */
export interface TextStream extends AsyncIterable<string> {
  /** Does what a loop that writes each piece would do, for some promises less. Never rejects. */
  writeTo?(sink: TextSink): Promise<void>;
}

export interface TextSink {
  /** False when it has no room for more, or takes none any more. */
  write(text: string): boolean;
  /** Resolves with true when it has room again, with false when it takes no more. */
  drained(): Promise<boolean>;
}

export interface RelayResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream's pieces are pulled as the client takes them: a slow client holds back nobody but itself. Where nobody is
   * to read them, end the iterator by `return`, or its place among the readers is held until `signal` aborts. */
  readonly body: string | Uint8Array | TextStream;
  /** Told by who sends it when it is over, once, with the bytes that went out: of the body, or with the head where
   * that is what can be counted. */
  readonly sent?: (byteCount: number) => void;
}

export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
  readonly code = 'body_too_large';

  constructor(maxBytes: number) {
    super(`Cannot read a request body of more than ${maxBytes} bytes`);
  }
}

/** On every response but the files of the page: it is kept nowhere, and opened in a browser it shows and runs nothing. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function jsonResponse(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): RelayResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', ...securityHeaders, ...headers },
    body: JSON.stringify(value),
  };
}

/** An error in the API's own shape. */
export function errorResponse(
  status: number,
  type: string,
  ...[message, details]: readonly [message: string, details?: { readonly code: string }]
): RelayResponse {
  const request_id = `req_${randomId()}`;
  const body = { type: 'error', error: { type, message, ...(details && { details }) }, request_id };
  return jsonResponse(status, body, { 'request-id': request_id, ...retryAdvice(status) });
}

/** Said where it is certain. Elsewhere the client's own rules decide: they know 408, 409, 429 and 500. */
function retryAdvice(status: number): Record<string, string> {
  if (status === 502 || status === 503 || status === 529) return { 'x-should-retry': 'true' };
  const isOpen = status >= 500 || status === 408 || status === 409 || status === 429;
  return isOpen ? {} : { 'x-should-retry': 'false' };
}

/** While the relay closes: another one, or the same a moment later, will answer. */
export function closingResponse(): RelayResponse {
  return errorResponse(503, 'api_error', 'The relay is shutting down');
}

/** Headers that keep every proxy in between from holding events back. */
export function eventStreamResponse(
  body: TextStream,
  headers: Readonly<Record<string, string>> = {},
): RelayResponse {
  return {
    status: 200,
    headers: {
      ...securityHeaders,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      ...headers,
    },
    body,
  };
}

/** 132 random bits, in letters that need no escape anywhere. */
export function randomId(): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz_-ILOilouU';
  return Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => alphabet.charAt(byte & 63)).join(
    '',
  );
}
