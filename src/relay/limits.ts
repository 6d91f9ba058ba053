// What the relay holds at most, and what it says at each limit.

import { errorResponse } from './http.ts';
import type { RelayResponse } from './http.ts';

export interface RelayLimits {
  /** Streams that are produced at the same time; default 10,000. */
  readonly maxOpenStreams: number;
  /** Connections that read, of all streams; default 5,000. */
  readonly maxReaders: number;
  /** Connections that read one stream; default 1,000. */
  readonly maxReadersPerStream: number;
  /** Age at which who reads is sent away to come back, give or take a tenth, in milliseconds; default ten minutes.
   * Formats whose readers cannot come back know none. */
  readonly maxConnectionAgeMs: number;
  /** Of a request to `/v1`; default 32 MiB, as the API's own. */
  readonly maxApiBodyBytes: number;
  /** Of any other request; default 1 MiB, far above a long conversation without attachments. */
  readonly maxPageBodyBytes: number;
}

export const defaultLimits: RelayLimits = {
  maxOpenStreams: 10_000,
  maxReaders: 5000,
  maxReadersPerStream: 1000,
  maxConnectionAgeMs: 10 * 60 * 1000,
  maxApiBodyBytes: 32 * 1024 * 1024,
  maxPageBodyBytes: 1024 * 1024,
};

interface Refusal {
  readonly code: string;
  readonly status: number;
  /** The API's type for it. */
  readonly type: string;
  readonly message: string;
  /** Worth another try then, in seconds. */
  readonly retryAfter?: number;
}

type Limit =
  | 'body'
  | 'conversation'
  | 'logs'
  | 'streams'
  | 'readers'
  | 'connections'
  | 'headers'
  | 'time'
  | 'disk';

const refusals: Readonly<Record<Limit, Refusal>> = {
  streams: {
    code: 'too_many_streams',
    status: 529,
    type: 'overloaded_error',
    message: 'The relay works on as many streams as it may',
    retryAfter: 1,
  },
  readers: {
    code: 'too_many_readers',
    status: 429,
    type: 'rate_limit_error',
    message: 'The stream, or the relay, has as many readers as it may',
    retryAfter: 1,
  },
  connections: {
    code: 'too_many_connections',
    status: 503,
    type: 'overloaded_error',
    message: 'The relay has as many connections as it may',
    retryAfter: 1,
  },
  headers: {
    code: 'headers_too_large',
    status: 431,
    type: 'invalid_request_error',
    message: 'The headers of the request are longer than the relay reads',
  },
  time: {
    code: 'request_timeout',
    status: 408,
    type: 'timeout_error',
    message: 'The request took too long to come',
  },
  logs: {
    code: 'store_full',
    status: 529,
    type: 'overloaded_error',
    message: 'The store holds as much as it may of answers under way',
    retryAfter: 1,
  },
  body: {
    code: 'request_too_large',
    status: 413,
    type: 'request_too_large',
    // The API's own words.
    message: 'Request exceeds the maximum size',
  },
  conversation: {
    code: 'conversation_full',
    status: 413,
    type: 'request_too_large',
    message: 'The conversation is as large as it may be, or there are as many as there may be: delete one',
  },
  disk: {
    code: 'storage_full',
    status: 507,
    type: 'api_error',
    message: 'The store of the relay is full',
  },
};

/** The answer at a limit: an error of the API's shape, with the relay's own code in `details`. */
export function limitResponse(limit: Limit): RelayResponse {
  const { status, type, message, code, retryAfter } = refusals[limit];
  const response = errorResponse(status, type, message, { code });
  return retryAfter === undefined
    ? response
    : { ...response, headers: { ...response.headers, 'retry-after': String(retryAfter) } };
}
