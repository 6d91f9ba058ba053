// The errors of this layer, by whose fault it is: ProtocolError, the peer broke the wire format; ApiError, the
// API said no. A misuse by the caller is a plain TypeError or RangeError. docs/errors.md has each code.

import type { DeepReadonly, Message } from './message.ts';
import type { ApiErrorType, ErrorBody, ErrorEvent } from './stream-event.ts';
import type { OpenString } from './unknown-type.ts';

export type ProtocolErrorCode =
  /** An event grew past `maxEventBytes`. */
  | 'event_too_large'
  /** An event's data is not JSON. */
  | 'invalid_json'
  /** An event's data is JSON of another shape than its type has. */
  | 'invalid_event'
  /** A sound event at a place where it cannot be. */
  | 'unexpected_event';

const excerptLength = 200;

/** The bytes received are not a stream of the Messages API. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ProtocolErrorCode;
  /** The beginning of the offending text, at most 200 characters. */
  readonly excerpt: string | undefined;
  /** The server's name for the request; set by whoever knows it. */
  requestId: string | undefined;
  /** What had arrived before; set by whoever accumulates the stream. */
  partial: DeepReadonly<Message> | undefined;

  constructor(code: ProtocolErrorCode, message: string, options: { excerpt?: string; cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    // A copy: a slice would keep the whole text in memory for as long as the error lives.
    this.excerpt = options.excerpt?.slice(0, excerptLength).split('').join('');
  }
}

/** The HTTP status each error type of the API stands for. Source: the API's error table. */
export const statusOfErrorType: Readonly<Record<ApiErrorType, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** What is known of an error beside its body: from the response that it came in. */
export interface ApiErrorOptions {
  status?: number | undefined;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  shouldRetry?: boolean | undefined;
}

/** The API answered with an error: as the HTTP response, or as an event after the stream began. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The same as {@link ApiError.type}. */
  readonly code: OpenString<ApiErrorType>;
  readonly type: OpenString<ApiErrorType>;
  /** The HTTP status; for an error event the one its type stands for; undefined for a type not known here. */
  readonly status: number | undefined;
  /** The server's name for the request; set by whoever knows it when the event did not say. */
  requestId: string | undefined;
  readonly details: unknown;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** What the server said in `x-should-retry`; undefined when it said nothing. */
  readonly shouldRetry: boolean | undefined;
  /** What had arrived before the error event; undefined for an HTTP response. */
  partial: DeepReadonly<Message> | undefined;

  constructor(body: ErrorBody, options: ApiErrorOptions = {}) {
    super(body.message);
    this.code = body.type;
    this.type = body.type;
    this.status = options.status ?? statusOf(body.type);
    this.requestId = options.requestId;
    this.details = body.details;
    this.retryAfterMs = options.retryAfterMs;
    this.shouldRetry = options.shouldRetry;
  }

  /** {@link ApiError.requestId} by the official SDK's name, for code that was written for that. */
  get requestID(): string | undefined {
    return this.requestId;
  }
}

/** What an error event says, as the error that the same answer over HTTP would be. */
export function errorOfEvent({ error, request_id }: ErrorEvent): ApiError {
  return new ApiError(error, { requestId: typeof request_id === 'string' ? request_id : undefined });
}

function statusOf(type: string): number | undefined {
  return Object.hasOwn(statusOfErrorType, type) ? statusOfErrorType[type as ApiErrorType] : undefined;
}
