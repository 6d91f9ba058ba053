// An error as the last line of a stream of lines, and back: with its type, whichever process reads it. To others it is
// an error event of the API's own shape; what this client knows beyond that stands beside it, under `millrace`.

import { ApiError, parseErrorBody, ProtocolError } from '../protocol/index.ts';
import type { ErrorBody, ProtocolErrorCode } from '../protocol/index.ts';
import {
  ConfigurationError,
  ConnectionError,
  isCoded,
  ResponseError,
  TimeoutError,
  TruncatedError,
} from './errors.ts';
import type { AttemptError, TimeoutErrorCode } from './errors.ts';
import { ReaderError } from './reader-error.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What comes through a stream of lines: an abort as a DOMException of the name AbortError. */
export type LineError = AttemptError | ReaderError | DOMException;

/** The fields that make an error of this client what it is, beside its message; none has all of them. */
const fields = ['status', 'retryAfterMs', 'shouldRetry', 'excerpt', 'phase', 'limitMs', 'contentType'];

/** The error as an error event, to be written as one line. */
export function errorEventOf(error: unknown): object {
  const abort = { name: 'AbortError', message: String(error) };
  const { name, code, message, requestId, details } = (error instanceof Error ? error : abort) as Fields;
  // What somebody else's error holds, an abort's reason, is not for others to read.
  const isOwn = isCoded(error) || error instanceof ReaderError;
  const own = isOwn ? fields.map((field) => [field, (error as unknown as Fields)[field]]) : [];
  return {
    type: 'error',
    error: { type: error instanceof ApiError ? error.type : 'api_error', message, details },
    request_id: requestId,
    millrace: { name, code, ...(Object.fromEntries(own) as Fields) },
  };
}

type Revive = (fields: Fields, body: ErrorBody) => LineError;

/** A line is another process's word: what is not as expected falls back to something plain. */
const revivals: ReadonlyMap<string, Revive> = new Map(
  Object.entries({
    ApiError: ({ status, retryAfterMs, shouldRetry }, body) =>
      new ApiError(body, {
        status: numberOf(status),
        retryAfterMs: numberOf(retryAfterMs),
        shouldRetry: typeof shouldRetry === 'boolean' ? shouldRetry : undefined,
      }),
    ProtocolError: ({ code, excerpt }, { message }) =>
      new ProtocolError(textOf(code) as ProtocolErrorCode, message, { excerpt: textOf(excerpt) }),
    ConnectionError: ({ phase }, { message }) =>
      new ConnectionError(phase === 'connect' ? phase : 'body', message, { cause: undefined }),
    TimeoutError: ({ code, limitMs }) =>
      new TimeoutError(textOf(code) as TimeoutErrorCode, numberOf(limitMs) ?? 0),
    TruncatedError: () => new TruncatedError(undefined, undefined),
    ResponseError: ({ code, status, contentType, excerpt }) =>
      new ResponseError(code === 'not_a_message' ? code : 'not_an_event_stream', {
        status: numberOf(status) ?? 0,
        contentType: typeof contentType === 'string' ? contentType : undefined,
        excerpt: textOf(excerpt),
      }),
    ConfigurationError: ({ code }, { message }) =>
      new ConfigurationError(code as ConfigurationError['code'], message),
    ReaderError: ({ code }, { message }) => new ReaderError(code as ReaderError['code'], message),
    AbortError: (_, { message }) => new DOMException(message, 'AbortError'),
  } satisfies Record<AttemptError['name'] | ReaderError['name'] | 'AbortError', Revive>),
);

/** The error that an error event, read from a line, stands for. */
export function errorOfEventLine(event: Fields): LineError {
  const body = parseErrorBody(event['error']);
  const { request_id } = event;
  const own = event['millrace'];
  const fields: Fields = typeof own === 'object' && own !== null ? (own as Fields) : {};
  const revive = revivals.get(textOf(fields['name']));
  const error = revive?.(fields, body) ?? new ApiError(body);
  if ('requestId' in error && typeof request_id === 'string') error.requestId = request_id;
  return error;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
